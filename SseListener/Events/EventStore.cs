namespace SseListener.Events;

/// <summary>
/// All channels and what is kept of them, and the place of each client in it. What is no longer kept is known three times: of a channel
/// (its log), of forgotten ones (<see cref="TopicTable"/>), and of all (<see cref="LogIndex"/>). For the hub's writer, but any thread may
/// read <see cref="Counts"/> and use <see cref="Positions"/>.
/// </summary>
internal sealed class EventStore
{
    private readonly Action<long, int>? _dropped;
    private bool _hasRestored;
    private bool _lacksDropped; // The log does, but the last one of each channel.
    private long _time;

    /// <summary>
    /// An empty store, which tells <paramref name="dropped"/> the number and length of each frame that is no longer kept, where asked to.
    /// </summary>
    public EventStore(HubLimits limits, Action<long, int>? dropped = null)
    {
        _dropped = dropped;
        var allowances = new Allowances(limits.HistoryBytes, limits.HistoryAge, limits.Rules);
        Topics = new TopicTable(limits.MaxChannels, allowances);
        History = new History(allowances, Topics.MayBeIdle, dropped);
    }

    public TopicTable Topics { get; }
    public History History { get; }
    public HubCounts Counts { get; } = new();
    public PositionCipher Positions { get; } = new();

    /// <summary>Numbers frames from where a log ended that has been restored.</summary>
    public void ContinueAfter(IEventLog log)
    {
        if (!_hasRestored)
            Forget(log.Last);

        if (_lacksDropped)
            History.LogIndex.MarkCompacted(log.Last);

        History.LogIndex.ContinueAfter(log.Last, log.Starts, log.Lost);
        Positions.UseKey(log.Key);
    }

    /// <inheritdoc cref="RestoreFrame"/>
    public void Restore(long sequence, string channel, long time, ReadOnlySpan<byte> frame)
    {
        if (!_hasRestored)
            Forget(sequence - 1);

        _hasRestored = true;
        var allowance = History.Allowances.Of(channel);
        if (frame.IsEmpty)
        {
            _lacksDropped = true;
            if (channel.Length > 0)
                History.AppendDropped(Topics.Open(channel), sequence);
        }
        else if (allowance.IsTooOld(time, SteadyClock.Now))
        {
            // Of another kind there may be older ones that are kept.
            allowance.Forget(sequence);
            History.LogIndex.Forget(sequence);
            History.LogIndex.MarkCompacted(sequence);
            _dropped?.Invoke(sequence, frame.Length);
        }
        else
        {
            History.Append(Topics.Open(channel), frame, sequence, time);
            History.Trim(sequence);
        }
    }

    /// <summary>Finds what is no longer kept of channels with these names.</summary>
    public DroppedFrames FindDropped(IEnumerable<string> channels) => new(channels.ToDictionary(name => name, FindDropped));

    /// <summary>Opens a channel. If there are too many, the longest silent one gives way; null if the batch has a frame for it.</summary>
    public ChannelLog? Open(string channel, FrameBatch batch)
    {
        while (!Topics.HasRoomFor(channel))
        {
            if (Topics.LongestSilent is not { } silent || batch.Frames.Any(frame => frame.Log == silent))
                return null;

            History.Drop(silent);
            Topics.Remove(silent);
        }

        return Topics.Open(channel);
    }

    /// <summary>Appends the frames of a batch that has been stored, and adds the topics that have something new.</summary>
    public void Append(FrameBatch batch, HashSet<Topic> appended)
    {
        History.LogIndex.BeginAppending(batch.Frames[^1].Sequence);
        Counts.Published += batch.Frames.Count;
        Counts.PublishedBytes += batch.FrameBytes;
        foreach (var frame in batch.Frames)
            Append(frame.Log, batch.BytesOf(frame), frame.Sequence, batch.Time, appended);
    }

    /// <summary>Appends what has come from a log that hubs share, and adds the topics that have something new.</summary>
    public void Apply(Arrived arrived, HashSet<Topic> appended)
    {
        History.LogIndex.BeginAppending(arrived.Last);
        foreach (var frame in arrived.Frames)
        {
            // Clocks of several machines: no frame is older than the one before it, and none is of the future.
            _time = Math.Max(_time, Math.Min(frame.Time, SteadyClock.Now));
            var isAgain = History.TryFind(SseFrame.IdOf(frame.Bytes.Span), out _);
            Append(OpenAnyway(frame.Channel), frame.Bytes.Span, frame.Sequence, _time, appended);

            // Another hub had forgotten the id: a client that names it may have had the one or the other.
            if (isAgain)
                History.ForgetId(SseFrame.IdOf(frame.Bytes.Span));

            Counts.Published += arrived.IsNew ? 1 : 0;
            Counts.PublishedBytes += arrived.IsNew ? frame.Bytes.Length : 0;
        }

        History.LogIndex.AdvanceTo(arrived.Last);
    }

    /// <summary>Forgets all there is: behind it, up to this number, nobody knows what is missing.</summary>
    public void Lose(long sequence)
    {
        History.DropAll();
        History.LogIndex.StartOver(sequence);
        Topics.Lose(sequence);
    }

    /// <summary>Whether a client's last id is known.</summary>
    public bool Knows(SubscribeRequest request) =>
        request.LastEventId is not { } id || id == SseEvent.Earliest || TryFindPlace(request.Selection, id, out _);

    public Subscription? Subscribe(SubscribeRequest request)
    {
        if (Topics.Listen(request.Selection.Topics) is not { } topics)
            return null;

        var (place, hasGap) = FindPlace(request, topics);
        Counts.Gaps += hasGap ? 1 : 0;
        return new Subscription(topics, OpenFeed(request, topics, place), place, request.Envelope, hasGap);
    }

    public void Unsubscribe(Subscription subscription)
    {
        Topics.StopListening(subscription.Topics);
        foreach (var topic in subscription.Feed is MergedFeed ? subscription.Topics : [])
            topic.CloseIndex();
    }

    /// <summary>Ends a batch, of which all frames from this number on stay, and lets clients that merge channels read it.</summary>
    public void EndBatch(long first)
    {
        History.Trim(first);
        History.LogIndex.Publish();
        Topics.ForgetIdle();
    }

    private void Append(ChannelLog log, ReadOnlySpan<byte> frame, long sequence, long time, HashSet<Topic> appended)
    {
        var location = History.Append(log, frame, sequence, time);
        foreach (var topic in Topics.TopicsOf(log))
        {
            topic.FrameIndex?.Append(location);
            appended.Add(topic);
        }
    }

    // Of a channel that is not known nothing is kept.
    private (long Channel, long Forgotten) FindDropped(string channel) =>
        (Topics.FindChannel(channel)?.LastDropped ?? long.MaxValue, History.Allowances.Of(channel).Forgotten);

    // Another hub has let the channel be, so it is one too many at worst.
    private ChannelLog OpenAnyway(string channel)
    {
        if (!Topics.HasRoomFor(channel) && Topics.LongestSilent is { } silent)
        {
            History.Drop(silent);
            Topics.Remove(silent);
        }

        return Topics.Open(channel);
    }

    // What there was up to this number, before the program was started, is not kept.
    private void Forget(long sequence)
    {
        History.Allowances.Forget(sequence);
        History.LogIndex.Forget(sequence);
    }

    // The number of the last frame before what a client is to get, and whether it has missed what is no longer kept. "earliest" is the id
    // of no frame, so it begins with the oldest, without a gap.
    private (long Place, bool HasGap) FindPlace(SubscribeRequest request, Topic[] topics) =>
        request.LastEventId is not { } id ? (History.LogIndex.Last, false)
        : TryFindPlace(request.Selection, id, out var place) ? (place, History.LogIndex.HasDropped(place, request.Selection, topics))
        : (History.LogIndex.BeforeOldestKept, id != SseEvent.Earliest);

    // The event may be of a channel that the client no longer listens to, but it learns nothing of one that it may not hear.
    private bool TryFindPlace(Selection selection, string lastEventId, out long place)
    {
        if (Positions.TryDecode(lastEventId, out place))
            return History.LogIndex.HasPlace(place);

        var isKept = History.TryFind(Encoding.UTF8.GetBytes(lastEventId), out var last) && selection.MayHear(last.Channel);
        place = last.Sequence;
        return isKept;
    }

    private Feed OpenFeed(SubscribeRequest request, Topic[] topics, long after)
    {
        if (request.Envelope is Envelope.None && topics is [ChannelLog log])
        {
            Counts.CountReplayed(log.CountAfter(after));
            return new ChannelFeed(History.LogIndex, log.After(after));
        }

        var range = new ReplayRange(after, History.LogIndex.Last, History.LogIndex.Drops);
        var live = topics.Select(topic => topic.OpenIndex().End).ToArray();
        return new MergedFeed(History.LogIndex, Counts, request.Selection, live, range, request.Envelope);
    }
}

/// <summary>What a hub has done since it began. The hub's writer counts, what is replayed any thread; any thread may read.</summary>
internal sealed class HubCounts
{
    private long _replayed;

    public long Published { get; set; }
    public long PublishedBytes { get; set; }
    public long Gaps { get; set; }

    /// <summary>Events that clients were given, or set to be given, because they had missed them.</summary>
    public long Replayed => Volatile.Read(ref _replayed);
    public void CountReplayed(long frames) => Interlocked.Add(ref _replayed, frames);
}
