namespace SseListener.Events;

/// <summary>
/// Something that waits for the hub's loop: its frames are encoded into a batch, and when that has been stored, or could not be, it
/// takes effect and is answered.
/// </summary>
internal abstract class HubWork
{
    // The places of its frames in the batch.
    private int _first;
    private int _end;

    /// <summary>Puts its frames into the batch.</summary>
    public void Encode(EventWriter writer)
    {
        _first = writer.Batch.Frames.Count;
        EncodeFrames(writer);
        writer.Batch.Bind(_first);
        _end = writer.Batch.Frames.Count;
    }

    /// <summary>Appends its frames, and takes effect.</summary>
    public void Apply(EventWriter writer, bool isStored)
    {
        for (var place = _first; isStored && place < _end; place++)
        {
            var frame = writer.Batch.Frames[place];
            writer.Append(frame);
            writer.Counts.CountPublished(frame.Length);
        }

        TakeEffect(writer, isStored);
    }

    /// <summary>Gives the answer.</summary>
    public virtual void Answer()
    {
    }

    protected abstract void EncodeFrames(EventWriter writer);

    protected virtual void TakeEffect(EventWriter writer, bool isStored)
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
        if (!writer.TryOpen(channel, out var log))
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

    protected override void TakeEffect(EventWriter writer, bool isStored) =>
        // The event that it conflicts with may be one that could not be stored.
        Result = _isRefused ? new PublishResult.TooManyChannels()
            : !isStored && (_needsStore || _conflict is not null) ? (writer.IsUnknown ? new PublishResult.Unknown() : new PublishResult.NotStored())
            : _conflict is not null ? new PublishResult.Conflict(_conflict)
            : new PublishResult.Published(_ids);
}

/// <summary>Gives a client its place on its channels.</summary>
internal sealed class Subscribe(SubscribeRequest request) : HubWork<SubscribeResult>
{
    private Topic[]? _topics;

    protected override void EncodeFrames(EventWriter writer) => writer.Topics.TryListen(request.Selection.Topics, out _topics);

    protected override void TakeEffect(EventWriter writer, bool isStored)
    {
        if (_topics is null)
        {
            Result = new SubscribeResult.TooManyChannels();
            return;
        }

        (long After, bool HasGap)? found = request.LastEventId is { } id ? writer.Places.Find(request.Selection, _topics, id) : null;
        var (place, hasGap) = found ?? (writer.Timeline.Last, false);
        if (hasGap)
        {
            writer.Counts.CountGap();
        }

        Feed feed = !request.IsEnveloped && _topics is [ChannelLog log] ? Follow(writer, log, found?.After) : Merge(writer, _topics, place);
        Result = new SubscribeResult.Subscription(_topics, feed, place, request.IsEnveloped, hasGap);
    }

    private static ChannelFeed Follow(EventWriter writer, ChannelLog log, long? after)
    {
        writer.Counts.CountReplayed(after is { } last ? log.CountAfter(last) : 0);
        return new ChannelFeed(writer.Timeline, after is { } place ? log.After(place) : log.End);
    }

    private MergedFeed Merge(EventWriter writer, Topic[] topics, long after)
    {
        var missed = new Missed(after, writer.Timeline.Last, writer.Timeline.Drops);
        return new MergedFeed(writer.Timeline, writer.Counts, request.Selection, [.. topics.Select(topic => topic.OpenTrail().End)], missed, request.IsEnveloped);
    }
}

/// <summary>Takes note that a client has gone.</summary>
internal sealed class Unsubscribe(SubscribeResult.Subscription subscription) : HubWork
{
    protected override void EncodeFrames(EventWriter writer)
    {
        writer.Topics.StopListening(subscription.Topics);
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
