using System.Diagnostics.CodeAnalysis;

namespace SseListener.Events;

/// <summary>All channels and what is kept of them, and who gets which place in it. For the hub's loop only.</summary>
internal sealed class EventStore : IDisposable
{
    private readonly TopicTable _topics;
    private bool _hasRestored;

    /// <summary>A store without channels.</summary>
    /// <param name="limits">What is kept, and of whom.</param>
    public EventStore(HubLimits limits)
    {
        _topics = new TopicTable(limits.MaxChannels);
        History = new History(limits.HistoryBytes, limits.HistoryAge, _topics.MayBeIdle);
        ResumePoints = new ResumePoints(History, _topics);
    }

    /// <summary>What is kept.</summary>
    public History History { get; }

    /// <summary>The places of clients that come back.</summary>
    public ResumePoints ResumePoints { get; }

    /// <summary>What has been done.</summary>
    public HubCounts Counts { get; } = new();

    /// <summary>How many channels there are. Any thread may ask.</summary>
    public int Channels => _topics.Channels;

    /// <summary>How many patterns somebody listens to. Any thread may ask.</summary>
    public int Patterns => _topics.Patterns;

    /// <summary>Numbers frames from here on; to be called after what was stored has been taken up.</summary>
    /// <param name="last">The number of the last frame that is known of.</param>
    /// <param name="starts">The numbers to begin behind, of this start and of those before it that have left no frame.</param>
    /// <param name="key">The log's key, for the positions of clients.</param>
    public void ContinueAfter(long last, IReadOnlyList<long> starts, byte[] key)
    {
        if (!_hasRestored)
        {
            ResumePoints.Forget(last);
        }

        History.LogIndex.ContinueAfter(last, starts);
        ResumePoints.UseKey(key);
    }

    /// <summary>Takes up a frame that was stored before; they come in their order.</summary>
    /// <param name="sequence">Its number.</param>
    /// <param name="channel">The channel's name.</param>
    /// <param name="time">When it was published, as <see cref="SteadyClock"/> counts.</param>
    /// <param name="frame">Its bytes.</param>
    public void Restore(long sequence, string channel, long time, ReadOnlySpan<byte> frame)
    {
        if (!_hasRestored)
        {
            _hasRestored = true;
            ResumePoints.Forget(sequence - 1);
        }

        if (History.IsTooOld(time, SteadyClock.Now))
        {
            ResumePoints.Forget(sequence);
            return;
        }

        History.Append(_topics.Open(channel), frame, sequence, time);
        History.Trim(sequence);
    }

    /// <summary>
    /// Opens a channel that an event is published to. Where there are too many, the one that has been silent longest and that nobody
    /// listens to gives way, with what is kept of it.
    /// </summary>
    /// <param name="channel">The channel's name.</param>
    /// <param name="frames">The batch, for whose frames no channel gives way.</param>
    /// <param name="log">The channel's log.</param>
    /// <returns>False when there are too many, and none that could give way.</returns>
    public bool TryOpen(string channel, FrameBatch frames, [NotNullWhen(true)] out ChannelLog? log)
    {
        while (!_topics.TryOpen(channel, out log))
        {
            if (_topics.LongestSilent is not { } silent || frames.Frames.Any(frame => frame.Log == silent))
            {
                return false;
            }

            History.Drop(silent);
            _topics.Remove(silent);
        }

        return true;
    }

    /// <summary>Appends the frames of a batch that has been stored.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="appended">Gets the topics that have something new.</param>
    public void Append(FrameBatch batch, HashSet<Topic> appended)
    {
        History.LogIndex.BeginAppending(batch.Frames[^1].Sequence);
        foreach (var frame in batch.Frames)
        {
            var numbered = History.Append(frame.Log, batch.BytesOf(frame), frame.Sequence, batch.Time);
            Counts.CountPublished(frame.Length);
            frame.Log.Take(numbered);
            appended.Add(frame.Log);
            foreach (var pattern in _topics.PatternsOver(frame.Log.Name))
            {
                pattern.Take(numbered);
                appended.Add(pattern);
            }
        }
    }

    /// <summary>Gives a client its place on its channels.</summary>
    public SubscribeResult Subscribe(SubscribeRequest request)
    {
        if (!_topics.TryListen(request.Selection.Topics, out var topics))
        {
            return new SubscribeResult.TooManyChannels();
        }

        (long After, bool HasGap)? found = request.LastEventId is { } id ? ResumePoints.Find(request.Selection, topics, id) : null;
        var (place, hasGap) = found ?? (History.LogIndex.Last, false);
        if (hasGap)
        {
            Counts.CountGap();
        }

        Feed feed = !request.IsEnveloped && topics is [ChannelLog log] ? Follow(log, found?.After) : Merge(request, topics, place);
        return new SubscribeResult.Subscription(topics, feed, place, request.IsEnveloped, hasGap);
    }

    /// <summary>Takes note that a client has gone.</summary>
    public void Unsubscribe(SubscribeResult.Subscription subscription)
    {
        _topics.StopListening(subscription.Topics);
        foreach (var topic in subscription.Feed is MergedFeed ? subscription.Topics : [])
        {
            topic.CloseIndex();
        }
    }

    /// <summary>Ends a batch: what was appended may be delivered, what no longer fits goes.</summary>
    /// <param name="first">The number of its first frame, which stays.</param>
    public void EndBatch(long first)
    {
        History.Trim(first);
        History.LogIndex.Publish();
        _topics.ForgetIdle();
    }

    /// <inheritdoc/>
    public void Dispose() => ResumePoints.Dispose();

    private ChannelFeed Follow(ChannelLog log, long? after)
    {
        Counts.CountReplayed(after is { } last ? log.CountAfter(last) : 0);
        return new ChannelFeed(History.LogIndex, after is { } place ? log.After(place) : log.End);
    }

    private MergedFeed Merge(SubscribeRequest request, Topic[] topics, long after)
    {
        var missed = new ReplayRange(after, History.LogIndex.Last, History.LogIndex.Drops);
        var live = topics.Select(topic => topic.OpenIndex().End).ToArray();
        return new MergedFeed(History.LogIndex, Counts, request.Selection, live, missed, request.IsEnveloped);
    }
}
