namespace SseListener.Events;

/// <summary>All that the hub's writer knows of the batch that it is working on. For the writer only.</summary>
internal sealed class HubBatch(EventStore store, bool isShared)
{
    private readonly Dictionary<string, int> _indexesById = new(StringComparer.Ordinal);

    public List<HubWork> Work { get; } = [];
    public FrameBatch Frames { get; } = new();

    /// <summary>What became of each publish, and whether that holds only if the batch is stored: not for a mere repetition.</summary>
    public List<(Publish Work, PublishResult Result, bool NeedsStoring)> Publishes { get; } = [];
    public List<(Subscribe Work, Subscription? Result)> Subscribes { get; } = [];
    public List<Arrived> Arrivals { get; } = [];

    /// <summary>The topics that have something new.</summary>
    public HashSet<Topic> Appended { get; } = [];

    public void Begin(long sequence, long time)
    {
        Work.Clear();
        Frames.Begin(sequence, time);
        _indexesById.Clear();
        Publishes.Clear();
        Subscribes.Clear();
        Arrivals.Clear();
        Appended.Clear();
    }

    /// <summary>Adds the frames of a publish: of all its events, or of none.</summary>
    public void Encode(Publish publish) => Publishes.Add((publish, EncodeEvents(publish, out var needsStoring), needsStoring));

    public void Answer(Stored stored)
    {
        PublishResult failure = stored is Stored.Unknown ? new PublishResult.Unknown() : new PublishResult.NotStored();
        foreach (var (work, result, needsStoring) in Publishes.Where(publish => !publish.NeedsStoring || stored is not Stored.Later))
            work.Answer.TrySetResult(needsStoring && stored is not Stored.All ? failure : result);

        foreach (var arrival in Arrivals)
        {
            foreach (var (work, result) in arrival.Answers.Where(answer => answer.Result is not PublishResult.Stale))
                work.Answer.TrySetResult(result);

            arrival.Answer.SetResult(arrival);
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
            var isAdded = TryAdd(log, publish.Events[i], out ids[i], ref needsStoring);
            if (!isAdded || IsTooLarge(log, first))
            {
                // The event that it conflicts with may be one of this batch.
                needsStoring = !isShared;
                Frames.RemoveFrom(first);
                foreach (var (id, _) in _indexesById.Where(entry => entry.Value >= first)) // .NET allows removing meanwhile.
                    _indexesById.Remove(id);

                return isAdded ? new PublishResult.TooLargeToKeep(log.Allowance!.MostBytes, log.Allowance.BytesSetting)
                    : new PublishResult.Conflict(ids[i]);
            }
        }

        var result = new PublishResult.Published(ids);
        Frames.Bind(first, publish, result);
        return result;
    }

    // Whether the last frame, if it is of this publish, would be no history, though some is to be kept: nobody who comes back would get it.
    private bool IsTooLarge(ChannelLog log, int first) =>
        Frames.Frames.Count > first && log.Allowance is { MostBytes: > 0 } allowance && Frames.Frames[^1].Length > allowance.MostBytes;

    // An event that history or this batch has already is not added: its publisher only tries again. False when another event has its id.
    private bool TryAdd(ChannelLog log, SseEvent sseEvent, out string id, ref bool needsStoring)
    {
        id = sseEvent.Id ?? NanoId.Generate();
        SseFrame.WriteEvent(Frames.Output, sseEvent, id);
        if (sseEvent.Id is not null && store.History.TryFind(Encoding.UTF8.GetBytes(id), out var kept))
            return Discard(kept.Segment.Log == log && kept.Bytes.SequenceEqual(Frames.Written));

        needsStoring = true;

        // Whether a log that hubs share will have the other one is not known yet.
        if (!isShared && !_indexesById.TryAdd(id, Frames.Frames.Count))
        {
            var other = Frames.Frames[_indexesById[id]];
            return Discard(other.Log == log && Frames.BytesOf(other).SequenceEqual(Frames.Written));
        }

        Frames.Add(log);
        return true;
    }

    private bool Discard(bool isSame)
    {
        Frames.EndFrame();
        return isSame;
    }
}
