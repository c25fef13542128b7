namespace SseListener.Events;

/// <summary>
/// Something that waits for the hub's loop: its frames are encoded into a batch, and when that has been stored, or could not be, it
/// takes effect and is answered.
/// </summary>
internal abstract class HubWork
{
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
        FramePosition? last = null;
        for (var place = _first; isStored && place < _end; place++)
        {
            last = writer.Append(writer.Batch.Frames[place]);
        }

        TakeEffect(writer, isStored, last);
    }

    /// <summary>Gives the answer.</summary>
    public virtual void Answer()
    {
    }

    protected abstract void EncodeFrames(EventWriter writer);

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
    private string? _conflict;
    private bool _needsStore;

    protected override void EncodeFrames(EventWriter writer)
    {
        var log = writer.LogOf(channel);
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

    protected override void TakeEffect(EventWriter writer, bool isStored, FramePosition? last) =>
        // The event that it conflicts with may be one that could not be stored.
        Result = !isStored && (_needsStore || _conflict is not null) ? new PublishResult.NotStored()
            : _conflict is not null ? new PublishResult.Conflict(_conflict)
            : new PublishResult.Published(_ids);
}

/// <summary>Gives a client its place on a channel, and tells the others there.</summary>
internal sealed class Join(string channel, string client, string? lastEventId) : HubWork<Subscription>
{
    protected override void EncodeFrames(EventWriter writer) => writer.EncodeJoin(writer.LogOf(channel), client);

    protected override void TakeEffect(EventWriter writer, bool isStored, FramePosition? last)
    {
        var log = writer.LogOf(channel);
        var (start, hasGap) = writer.Find(log, lastEventId);
        if (last is { } join && lastEventId is not null)
        {
            start.Skip(join);
        }

        Result = new Subscription(log, start, hasGap);
    }
}

/// <summary>Tells those on a channel that a client has gone.</summary>
internal sealed class Leave(ChannelLog log, string client) : HubWork
{
    protected override void EncodeFrames(EventWriter writer) => writer.EncodeLeave(log, client);
}

/// <summary>Drops what has become too old.</summary>
internal sealed class Expire : HubWork
{
    protected override void EncodeFrames(EventWriter writer) => writer.Expire();
}
