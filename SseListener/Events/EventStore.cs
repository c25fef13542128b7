namespace SseListener.Events;

/// <summary>
/// All channels and what is kept of them, and the place of each client in it. What is no longer kept is known three times: of a channel
/// (its log), of channels that are forgotten (<see cref="TopicTable"/>), and of all (<see cref="LogIndex"/>). For the hub's loop only.
/// </summary>
internal sealed class EventStore : IDisposable
{
    private bool _hasRestored;

    public EventStore(HubLimits limits)
    {
        Topics = new TopicTable(limits.MaxChannels);
        History = new History(limits.HistoryBytes, limits.HistoryAge, Topics.MayBeIdle);
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

        History.LogIndex.ContinueAfter(log.Last, log.Starts);
        Positions.UseKey(log.Key);
    }

    /// <inheritdoc cref="RestoreFrame"/>
    public void Restore(long sequence, string channel, long time, ReadOnlySpan<byte> frame)
    {
        if (!_hasRestored)
        {
            _hasRestored = true;
            Forget(sequence - 1);
        }

        if (History.IsTooOld(time, SteadyClock.Now))
        {
            Forget(sequence);
            return;
        }

        History.Append(Topics.Open(channel), frame, sequence, time);
        History.Trim(sequence);
    }

    /// <summary>
    /// Opens a channel that an event is published to. Where there are too many, the one that has been silent longest and that nobody
    /// listens to gives way, with what is kept of it, unless a frame of the batch is for it.
    /// </summary>
    /// <returns>The channel's log; null when no channel can give way.</returns>
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
        foreach (var frame in batch.Frames)
        {
            var location = History.Append(frame.Log, batch.BytesOf(frame), frame.Sequence, batch.Time);
            Counts.Published++;
            Counts.PublishedBytes += frame.Length;
            foreach (var topic in Topics.TopicsOf(frame.Log))
            {
                topic.FrameIndex?.Append(location);
                appended.Add(topic);
            }
        }
    }

    public Subscription? Subscribe(SubscribeRequest request)
    {
        if (Topics.Listen(request.Selection.Topics) is not { } topics)
            return null;

        var (place, hasGap) = FindPlace(request, topics);
        Counts.Gaps += hasGap ? 1 : 0;
        Feed feed = !request.IsEnveloped && topics is [ChannelLog log] ? Follow(log, place) : Merge(request, topics, place);
        return new Subscription(topics, feed, place, request.IsEnveloped, hasGap);
    }

    public void Unsubscribe(Subscription subscription)
    {
        Topics.StopListening(subscription.Topics);
        foreach (var topic in subscription.Feed is MergedFeed ? subscription.Topics : [])
            topic.CloseIndex();
    }

    /// <summary>
    /// Ends a batch, whose <paramref name="first"/> frame and all behind it stay, and lets clients that merge channels read it.
    /// </summary>
    public void EndBatch(long first)
    {
        History.Trim(first);
        History.LogIndex.Publish();
        Topics.ForgetIdle();
    }

    public void Dispose() => Positions.Dispose();

    // What there was up to this number, before the program was started, is not kept.
    private void Forget(long sequence)
    {
        Topics.Forget(sequence);
        History.LogIndex.Forget(sequence);
    }

    // The number of the last frame before what a client is to get, and whether it has missed what is no longer kept. "earliest" is the id
    // of no frame, so it begins with the oldest, without a gap.
    private (long Place, bool HasGap) FindPlace(SubscribeRequest request, Topic[] topics) =>
        request.LastEventId is not { } id ? (History.LogIndex.Last, false)
        : TryFindPlace(request.Selection, id, out var place) ? (place, History.LogIndex.HasDropped(place, request.Selection, topics))
        : (History.LogIndex.BeforeOldest, id != SseEvent.Earliest);

    // The event may be of a channel that the client no longer listens to, but it learns nothing of one that it may not hear.
    private bool TryFindPlace(Selection selection, string lastEventId, out long place)
    {
        if (Positions.TryDecode(lastEventId, out place))
            return History.LogIndex.HasPlace(place);

        var isKept = History.TryFind(Encoding.UTF8.GetBytes(lastEventId), out var last) && selection.MayHear(last.Channel);
        place = last.Sequence;
        return isKept;
    }

    private ChannelFeed Follow(ChannelLog log, long after)
    {
        Counts.CountReplayed(log.CountAfter(after));
        return new ChannelFeed(History.LogIndex, log.After(after));
    }

    private MergedFeed Merge(SubscribeRequest request, Topic[] topics, long after)
    {
        var range = new ReplayRange(after, History.LogIndex.Last, History.LogIndex.Drops);
        var live = topics.Select(topic => topic.OpenIndex().End).ToArray();
        return new MergedFeed(History.LogIndex, Counts, request.Selection, live, range, request.IsEnveloped);
    }
}
