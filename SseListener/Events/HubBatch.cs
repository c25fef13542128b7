namespace SseListener.Events;

/// <summary>All that the hub's writer knows of its batch: one round of work, of perhaps many publishes. For the writer only.</summary>
internal sealed class HubBatch(EventStore store, bool isShared)
{
    private readonly Dictionary<string, int> _indexesById = new(StringComparer.Ordinal);
    private readonly Dictionary<ChannelLog, bool> _hasEnded = []; // What the batch changes of it.

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
        _hasEnded.Clear();
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
        var (ids, first, common) = (new string[publish.Events.Count], Frames.Frames.Count, default(ChannelSet));
        for (var i = 0; i < ids.Length; i++)
        {
            var sseEvent = publish.Events[i];
            var channels = sseEvent.Channels is { } own ? store.Open(own, Frames) : common ??= store.Open(publish.Channels, Frames);
            var refusal = channels is null ? new PublishResult.TooManyChannels()
                : Add(channels, sseEvent, out ids[i], ref needsStoring);
            if (refusal is not null)
                return Undo(first, refusal, out needsStoring);
        }

        if (publish.Change is not ChannelChange.None && AddChanges(publish, ref needsStoring) is { } impossible)
            return Undo(first, impossible, out needsStoring);

        var result = new PublishResult.Published(ids);
        Frames.EndPublish(first, publish, result);
        return result;
    }

    // What a publish conflicts with, or the end that it comes behind, may be of this batch.
    private PublishResult Undo(int first, PublishResult refusal, out bool needsStoring)
    {
        needsStoring = !isShared && refusal is not PublishResult.TooManyChannels;
        Frames.RemoveFrom(first);
        foreach (var (id, _) in _indexesById.Where(entry => entry.Value >= first)) // .NET allows removing meanwhile.
            _indexesById.Remove(id);

        return refusal;
    }

    // An event that history or this batch has already is not added: its publisher only tries again. Null, or why it cannot be published.
    private PublishResult? Add(ChannelSet channels, SseEvent sseEvent, out string id, ref bool needsStoring)
    {
        id = sseEvent.Id ?? NanoId.Generate();
        SseFrame.WriteEvent(Frames.Output, sseEvent, id);
        if (sseEvent.Id is not null && store.History.TryFind(Encoding.UTF8.GetBytes(id), out var kept))
            return DiscardKnown(id, store.History.ChannelsOf(kept) == channels.Names && kept.Bytes.SequenceEqual(Frames.Written));

        needsStoring = true;

        // Whether a log that hubs share will have the other one is not known yet.
        if (!isShared && _indexesById.TryGetValue(id, out var index))
        {
            var other = Frames.Frames[index];
            return DiscardKnown(id, other.Channels.Names == channels.Names && Frames.BytesOf(other).SequenceEqual(Frames.Written));
        }

        if (RefusalOf(channels) is { } refusal)
        {
            Frames.EndFrame();
            return refusal;
        }

        _indexesById[id] = Frames.Frames.Count;
        Frames.Add(channels);
        return null;
    }

    // Behind an end only a repetition is good. An event that is larger than its allowance would be dropped at once.
    private PublishResult? RefusalOf(ChannelSet channels) =>
        Array.Find(channels.Logs, HasEnded) is { } ended ? new PublishResult.Ended(ended.Name)
        : channels.Logs.Select(log => log.Allowance!).FirstOrDefault(allowance => IsTooSmall(allowance, channels)) is { } small
            ? new PublishResult.TooLargeToKeep(small.MostBytes, small.BytesSetting)
        : null;

    // Each channel has its own copy.
    private bool IsTooSmall(Allowance allowance, ChannelSet channels) => allowance.MostBytes > 0
        && (long)Frames.Written.Length * channels.Logs.Length > allowance.MostBytes
        && (long)Frames.Written.Length * channels.Logs.Count(log => log.Allowance == allowance) > allowance.MostBytes;

    private PublishResult.Conflict? DiscardKnown(string id, bool isSame)
    {
        Frames.EndFrame();
        return isSame ? null : new PublishResult.Conflict(id);
    }

    private PublishResult.TooManyChannels? AddChanges(Publish publish, ref bool needsStoring)
    {
        var (ends, names) = (publish.Change is ChannelChange.End, publish.AllChannels.ToList());
        var logs = ends ? store.Open(names, Frames)?.Logs : [.. names.Select(store.Topics.FindLog)];
        if (logs is null)
            return new PublishResult.TooManyChannels();

        foreach (var log in logs.Where(log => !ends || !HasEnded(log)))
        {
            SseFrame.WriteChange(Frames.Output, publish.Change, log.Name);
            Frames.Add(new ChannelSet(log.Name, [log]));
            needsStoring = true;

            // Whether a log that hubs share will have it is not known yet.
            if (!isShared)
                _hasEnded[log] = ends;
        }

        return null;
    }

    private bool HasEnded(ChannelLog log) => _hasEnded.GetValueOrDefault(log, log.IsEnded);
}
