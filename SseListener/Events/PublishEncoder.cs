using System.Text;

namespace SseListener.Events;

/// <summary>Encodes what is to be published into a batch. For the hub's loop only.</summary>
internal sealed class PublishEncoder(EventStore store, HubBatch batch)
{
    private enum Encoded
    {
        Added,
        AlreadyKept,
        Conflicting,
    }

    private FrameBatch Frames => batch.Frames;

    /// <summary>Puts the frames of a publish into the batch: of all its events, or of none.</summary>
    public EncodedPublish Encode(Publish publish)
    {
        var ids = new string[publish.Events.Count];
        if (!store.TryOpen(publish.Channel, Frames, out var log))
        {
            return new EncodedPublish(publish, ids, IsNew: false, Conflict: null, HasChannel: false);
        }

        var first = Frames.Frames.Count;
        var isNew = false;
        for (var i = 0; i < ids.Length; i++)
        {
            var encoded = Encode(log, publish.Events[i], out ids[i]);
            isNew |= encoded is Encoded.Added;
            if (encoded is Encoded.Conflicting)
            {
                TakeBack(first);
                return new EncodedPublish(publish, ids, isNew, ids[i], HasChannel: true);
            }
        }

        Frames.Bind(first);
        return new EncodedPublish(publish, ids, isNew, Conflict: null, HasChannel: true);
    }

    // An event whose id and content are in history, or in the batch, is not added again: its publisher only tries once more.
    private Encoded Encode(ChannelLog log, SseEvent sseEvent, out string id)
    {
        id = sseEvent.Id ?? NanoId.Generate();
        SseFrame.WriteEvent(Frames.Output, sseEvent, id);
        if (sseEvent.Id is null)
        {
            Frames.Add(log);
            return Encoded.Added;
        }

        if (store.History.TryFind(Encoding.UTF8.GetBytes(id), out var kept))
        {
            return Compare(kept.Segment.Log == log && kept.Frame.SequenceEqual(Frames.Written), Encoded.AlreadyKept);
        }

        if (batch.PlacesById.TryGetValue(id, out var place))
        {
            var other = Frames.Frames[place];
            return Compare(other.Log == log && Frames.BytesOf(other).SequenceEqual(Frames.Written), Encoded.Added);
        }

        batch.PlacesById.Add(id, Frames.Add(log));
        return Encoded.Added;
    }

    private Encoded Compare(bool isSame, Encoded same)
    {
        Frames.Discard();
        return isSame ? same : Encoded.Conflicting;
    }

    private void TakeBack(int count)
    {
        Frames.TakeBack(count);
        foreach (var (id, _) in batch.PlacesById.Where(entry => entry.Value >= count))
        {
            batch.PlacesById.Remove(id);
        }
    }
}
