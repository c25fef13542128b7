namespace SseListener.Events;

/// <summary>All that the hub's writer knows of the batch that it is working on. For the writer only.</summary>
internal sealed class HubBatch(EventStore store, bool isShared)
{
    private readonly Dictionary<string, int> _indexesById = new(StringComparer.Ordinal);
    private readonly Dictionary<ChannelLog, bool> _hasEnded = []; // What the batch changes of it.

    public List<HubWork> Work { get; } = [];
    public FrameBatch Frames { get; } = new();

    /// <summary>What became of each publish, and whether that holds only if the batch is stored: not for a mere repetition.</summary>
    public List<(Publish Work, PublishResult Result, bool NeedsStoring)> Publishes { get; } = [];
    public List<(Subscribe Work, Subscription? Result)> Subscribes { get; } = [];
    public List<(Read Work, Reading Result)> Readings { get; } = [];
    public List<Arrived> Arrivals { get; } = [];

    /// <summary>The topics that have something new.</summary>
    public HashSet<Topic> Appended { get; } = [];

    public void Begin(long sequence, long time)
    {
        Work.Clear();
        Frames.Begin(sequence, time);
        _indexesById.Clear();
        _hasEnded.Clear();
        Publishes.Clear();
        Subscribes.Clear();
        Readings.Clear();
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

        foreach (var (work, result) in Readings)
            work.Answer.SetResult(result);
    }

    private PublishResult EncodeEvents(Publish publish, out bool needsStoring)
    {
        needsStoring = false;
        var log = publish.Change is ChannelChange.Forget ? store.Topics.FindLog(publish.Channel) : store.Open(publish.Channel, Frames);
        if (log is null)
            return new PublishResult.TooManyChannels();

        var (ids, first) = (new string[publish.Events.Count], Frames.Frames.Count);
        var hasEnded = _hasEnded.GetValueOrDefault(log, log.IsEnded);
        for (var i = 0; i < ids.Length; i++)
        {
            if (!TryAdd(log, publish.Events[i], out ids[i], ref needsStoring))
                return Undo(first, new PublishResult.Conflict(ids[i]), out needsStoring);
        }

        // What is only repeated may be repeated for ever.
        if (hasEnded && Frames.Frames.Count > first)
            return Undo(first, new PublishResult.Ended(), out needsStoring);

        if (publish.Change is ChannelChange.Forget || (publish.Change is ChannelChange.End && !hasEnded))
            needsStoring |= AddChange(log, publish.Change);

        var result = new PublishResult.Published(ids);
        Frames.Bind(first, publish, result);
        return result;
    }

    // The event that a publish conflicts with, or the end that it comes behind, may be of this batch.
    private PublishResult Undo(int first, PublishResult refusal, out bool needsStoring)
    {
        needsStoring = !isShared;
        Frames.RemoveFrom(first);
        foreach (var (id, _) in _indexesById.Where(entry => entry.Value >= first)) // .NET allows removing meanwhile.
            _indexesById.Remove(id);

        return refusal;
    }

    private bool AddChange(ChannelLog log, ChannelChange change)
    {
        SseFrame.WriteChange(Frames.Output, change, log.Name);
        Frames.Add(log);

        // Whether a log that hubs share will have it is not known yet.
        if (!isShared)
            _hasEnded[log] = change is ChannelChange.End;

        return true;
    }

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
