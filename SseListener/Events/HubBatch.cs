namespace SseListener.Events;

/// <summary>All that the hub's loop knows of the batch that it is working on. For the loop only.</summary>
internal sealed class HubBatch(EventStore store)
{
    private readonly Dictionary<string, int> _indexesById = new(StringComparer.Ordinal);

    public List<HubWork> Work { get; } = [];
    public FrameBatch Frames { get; } = new();

    /// <summary>
    /// What became of each publish, and whether that holds only if the batch is stored: not for one that was a repetition altogether.
    /// </summary>
    public List<(Publish Work, PublishResult Result, bool NeedsStoring)> Publishes { get; } = [];

    public List<(Subscribe Work, Subscription? Result)> Subscribes { get; } = [];

    /// <summary>The topics that have something new.</summary>
    public HashSet<Topic> Appended { get; } = [];

    public void Begin(long sequence, long time)
    {
        Work.Clear();
        Frames.Begin(sequence, time);
        _indexesById.Clear();
        Publishes.Clear();
        Subscribes.Clear();
        Appended.Clear();
    }

    /// <summary>Adds the frames of a publish: of all its events, or of none.</summary>
    public void Encode(Publish publish) => Publishes.Add((publish, EncodeEvents(publish, out var needsStoring), needsStoring));

    public void Answer(Stored stored)
    {
        foreach (var (work, result, needsStoring) in Publishes)
        {
            work.Answer.SetResult(!needsStoring || stored is Stored.All ? result
                : stored is Stored.Unknown ? new PublishResult.Unknown()
                : new PublishResult.NotStored());
        }

        foreach (var (work, result) in Subscribes)
            work.Answer.SetResult(result);
    }

    private PublishResult EncodeEvents(Publish publish, out bool needsStoring)
    {
        needsStoring = false;
        if (store.Open(publish.Channel, Frames) is not { } log)
            return new PublishResult.TooManyChannels();

        var ids = new string[publish.Events.Count];
        var first = Frames.Frames.Count;
        for (var i = 0; i < ids.Length; i++)
        {
            if (!TryAdd(log, publish.Events[i], out ids[i], ref needsStoring))
            {
                // The event that it conflicts with may be one of this batch.
                needsStoring = true;
                RemoveFrom(first);
                return new PublishResult.Conflict(ids[i]);
            }
        }

        Frames.Bind(first);
        return new PublishResult.Published(ids);
    }

    // Adds no event that is in history, or in the batch, already: its publisher only tries once more. False for another with its id.
    private bool TryAdd(ChannelLog log, SseEvent sseEvent, out string id, ref bool needsStoring)
    {
        id = sseEvent.Id ?? NanoId.Generate();
        SseFrame.WriteEvent(Frames.Output, sseEvent, id);
        if (sseEvent.Id is not null && store.History.TryFind(Encoding.UTF8.GetBytes(id), out var kept))
            return Discard(kept.Segment.Log == log && kept.Bytes.SequenceEqual(Frames.Written));

        needsStoring = true;
        if (sseEvent.Id is not null && _indexesById.TryGetValue(id, out var index))
        {
            var other = Frames.Frames[index];
            return Discard(other.Log == log && Frames.BytesOf(other).SequenceEqual(Frames.Written));
        }

        index = Frames.Add(log);
        if (sseEvent.Id is not null)
            _indexesById.Add(id, index);

        return true;
    }

    private bool Discard(bool isSame)
    {
        Frames.EndFrame();
        return isSame;
    }

    private void RemoveFrom(int first)
    {
        Frames.RemoveFrom(first);
        foreach (var (id, _) in _indexesById.Where(entry => entry.Value >= first))
            _indexesById.Remove(id);
    }
}
