namespace SseListener.Events;

/// <summary>
/// Something that waits for the hub's loop: its frames are encoded into a batch, and when that has been stored, or could not be, it
/// takes effect and is answered.
/// </summary>
internal abstract class HubWork
{
    private int _end;

    /// <summary>The place of its first frame in the batch, if it has any.</summary>
    protected int First { get; private set; }

    /// <summary>Puts its frames into the batch.</summary>
    public void Encode(EventWriter writer)
    {
        First = writer.Batch.Frames.Count;
        EncodeFrames(writer);
        writer.Batch.Bind(First);
        _end = writer.Batch.Frames.Count;
    }

    /// <summary>Appends its frames, and takes effect.</summary>
    public void Apply(EventWriter writer, bool isStored)
    {
        FramePosition? last = null;
        for (var place = First; isStored && place < _end; place++)
        {
            last = writer.Append(writer.Batch.Frames[place]);
            CountFrame(writer.Counts, last.Value);
        }

        TakeEffect(writer, isStored, last);
    }

    /// <summary>Gives the answer.</summary>
    public virtual void Answer()
    {
    }

    protected abstract void EncodeFrames(EventWriter writer);

    protected virtual void CountFrame(HubCounts counts, FramePosition frame)
    {
    }

    protected virtual void TakeEffect(EventWriter writer, bool isStored, FramePosition? last)
    {
    }
}

/// <summary>Work that somebody waits for. Answers are given on other threads: the loop must not wait for what is done with them.</summary>
internal abstract class HubWork<T> : HubWork
    where T : class
{
    private readonly TaskCompletionSource<T?> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes with the answer.</summary>
    public Task<T?> Task => _answer.Task;

    /// <summary>The answer, once it has taken effect.</summary>
    protected T? Result { get; set; }

    /// <inheritdoc/>
    public sealed override void Answer() => _answer.SetResult(Result);
}

/// <summary>Publishes events in this order, with nothing in between; all of them or none.</summary>
internal sealed class Publish(string channel, IReadOnlyList<SseEvent> events) : HubWork<PublishResult>
{
    private readonly string[] _ids = new string[events.Count];
    private bool _isRefused;
    private string? _conflict;
    private bool _needsStore;

    protected override void EncodeFrames(EventWriter writer)
    {
        if (!writer.Topics.TryOpen(channel, out var log))
        {
            _isRefused = true;
            return;
        }

        var first = writer.Batch.Frames.Count;
        for (var i = 0; i < events.Count && _conflict is null; i++)
        {
            var encoded = writer.Encode(log, events[i], out _ids[i]);
            _needsStore |= encoded is Encoded.Added;
            _conflict = encoded is Encoded.Conflict ? _ids[i] : null;
        }

        if (_conflict is not null)
        {
            writer.TakeBack(first);
        }
    }

    protected override void CountFrame(HubCounts counts, FramePosition frame) => counts.CountPublished(frame.Length);

    protected override void TakeEffect(EventWriter writer, bool isStored, FramePosition? last) =>
        // The event that it conflicts with may be one that could not be stored.
        Result = _isRefused ? new PublishResult.TooManyChannels()
            : !isStored && (_needsStore || _conflict is not null) ? new PublishResult.NotStored()
            : _conflict is not null ? new PublishResult.Conflict(_conflict)
            : new PublishResult.Published(_ids);
}

/// <summary>Gives a client its place on its channels, and tells the others there.</summary>
internal sealed class Join(SubscribeRequest request) : HubWork<SubscribeResult>
{
    private Topic[]? _topics;

    protected override void EncodeFrames(EventWriter writer)
    {
        if (writer.Topics.TryOpen(request.Selection.Topics, out _topics))
        {
            writer.EncodeJoin(_topics, request.Client);
        }
    }

    protected override void TakeEffect(EventWriter writer, bool isStored, FramePosition? last)
    {
        if (_topics is null)
        {
            Result = new SubscribeResult.TooManyChannels();
            return;
        }

        (long After, bool HasGap)? found = request.LastEventId is { } id ? writer.Places.Find(request.Selection, _topics, id) : null;
        if (found is { HasGap: true })
        {
            writer.Counts.CountGap();
        }

        Feed feed = !request.IsEnveloped && _topics is [ChannelLog log] ? Follow(writer, log, found?.After, last) : Merge(writer, _topics, found, last is not null);
        Result = new SubscribeResult.Subscription(_topics, feed, found?.After ?? writer.Timeline.Last, found?.HasGap ?? false);
    }

    private static ChannelFeed Follow(EventWriter writer, ChannelLog log, long? after, FramePosition? join)
    {
        var start = after is { } sequence ? log.After(sequence) : log.End;
        var missed = after is { } last ? log.CountAfter(last) : 0;
        if (join is { } own && after is not null)
        {
            start.Skip(own);
            missed--;
        }

        writer.Counts.CountReplayed(missed);
        return new ChannelFeed(start);
    }

    private MergedFeed Merge(EventWriter writer, Topic[] topics, (long After, bool HasGap)? found, bool hasJoins)
    {
        // Its own joins, the last frames there are, come between what was missed and what is new.
        var through = hasJoins ? writer.Batch.Frames[First].Sequence - 1 : writer.Timeline.Last;
        var after = found?.After ?? through;
        var missed = new Missed(after, through, writer.Timeline.Drops);
        return new MergedFeed(writer.Timeline, writer.Counts, request.Selection, [.. topics.Select(topic => topic.OpenTrail().End)], missed, request.IsEnveloped);
    }
}

/// <summary>Tells those on its channels that a client has gone.</summary>
internal sealed class Leave(SubscribeResult.Subscription subscription, string client) : HubWork
{
    protected override void EncodeFrames(EventWriter writer) => writer.EncodeLeave(subscription.Topics, client);

    protected override void TakeEffect(EventWriter writer, bool isStored, FramePosition? last)
    {
        foreach (var topic in subscription.Feed is MergedFeed ? subscription.Topics : [])
        {
            topic.CloseTrail();
        }
    }
}

/// <summary>Drops what has become too old.</summary>
internal sealed class Expire : HubWork
{
    protected override void EncodeFrames(EventWriter writer) => writer.Expire();
}
