using SseListener.Events;

namespace SseListener.Delivery;

/// <summary>
/// One open stream: an output, a feed of what comes next, and at most one send under way. Nothing is queued for a client. All members
/// are for its lane's thread, except <see cref="Id"/>, <see cref="Ended"/>, <see cref="End"/>, <see cref="Leave"/>,
/// <see cref="TryBeginWaiting"/> and the completion of a send.
/// </summary>
internal sealed class Client(string id, Output output, Subscription subscription, Lifetime lifetime)
{
    private const int NotEnding = -1;

    private readonly TaskCompletionSource<EndReason> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Feed _feed = subscription.Feed;
    private DeliveryLane? _lane;
    private int _reason = NotEnding;
    private int _isWaiting;
    private volatile bool _isSending;
    private bool _isBetweenFrames = true;
    private bool _isCut;
    private long _lastProgress = Environment.TickCount64;
    private long _acknowledged;

    public string Id { get; } = id;
    public Subscription Subscription { get; } = subscription;
    public Lifetime Lifetime { get; } = lifetime;

    /// <summary>Completes with the reason when the stream is over and its lane sends nothing more.</summary>
    public Task<EndReason> Ended => _ended.Task;

    /// <summary>Whether a lane serves it. Any thread may ask.</summary>
    public bool IsServed => Volatile.Read(ref _lane) is not null;

    /// <summary>Whether the connection has everything that was appended so far.</summary>
    public bool IsIdle => IsEnding || (!_isSending && _feed.IsCaughtUp);
    private bool IsEnding => Volatile.Read(ref _reason) != NotEnding;

    public void Join(DeliveryLane lane) => Volatile.Write(ref _lane, lane);

    /// <summary>Ends the stream; the first reason counts. Any thread may call it, and the lane carries it out.</summary>
    public void End(EndReason reason)
    {
        // The kernel (TCP_USER_TIMEOUT) may report a timeout to the send and a plain end to the pending read. Whichever comes first, the
        // timeout is the reason.
        if (Interlocked.CompareExchange(ref _reason, (int)reason, NotEnding) == (int)EndReason.Left && reason is EndReason.WriteTimeout)
            Volatile.Write(ref _reason, (int)reason);

        _lane?.RequestTurn(this);
    }

    /// <summary>Ends a client whose connection is gone: the kernel keeps to the write timeout, too. Any thread may call it.</summary>
    public void Leave(SocketError error) => End(error is SocketError.TimedOut ? EndReason.WriteTimeout : EndReason.Left);

    /// <summary>Marks that the client waits for a turn; false when it already does. Any thread may call it.</summary>
    public bool TryBeginWaiting() => Interlocked.Exchange(ref _isWaiting, 1) == 0;

    public void EndWaiting() => Interlocked.Exchange(ref _isWaiting, 0);

    /// <summary>Fills the slice with what comes next and sends it, if there is something and no send is under way.</summary>
    public Turn SendNext(Slice slice, long now)
    {
        if (IsEnding || EndIfExpired(now) || (_isSending && EndIfLapped()))
            return EndTurn();

        if (_isSending)
            return Turn.Done;

        var state = _feed.Fill(slice);
        if (state is CursorState.Lapped)
            End(EndReason.Lapped);
        else if (slice.Length > 0)
            SendEvents(slice, now);

        return IsEnding ? EndTurn() : state is CursorState.SliceAndMore && !_isSending ? Turn.Again : Turn.Done;
    }

    /// <summary>Ends a client whose time is up or that takes nothing of a send, and sends a heartbeat to one that was silent.</summary>
    public Turn Tick(Slice heartbeat, long now, LaneOptions options)
    {
        if (IsEnding || EndIfExpired(now))
            return EndTurn();

        // A feed has caught up only behind a whole frame. Within a frame the comment would become a part of its data.
        if (_isSending)
            CheckSend(now, options.WriteTimeout);
        else if (now - _lastProgress >= options.Heartbeat.TotalMilliseconds && _feed.IsCaughtUp)
            Send(heartbeat, now);

        return IsEnding ? EndTurn() : Turn.Done;
    }

    /// <summary>Finds the number of the last frame that was sent; false when more is to be sent.</summary>
    public bool TryGetPlace(out long place)
    {
        place = 0;
        return !IsEnding && !_isSending && _feed.TryGetPlace(out place);
    }

    /// <summary>Sends and counts events while no send is under way. Not all come from a log: joins and leaves do not.</summary>
    public void SendEvents(Slice events, long now)
    {
        _lane?.Meter.CountWrite(events.Frames, events.Length);
        Send(events, now);
    }

    /// <summary>Completes <see cref="Ended"/>, once the lane has removed the client.</summary>
    public void Complete() => _ended.TrySetResult((EndReason)_reason);

    private void Send(Slice slice, long now)
    {
        _lastProgress = now;
        _isBetweenFrames = slice.EndsFrame;
        var error = output.Send(slice, out var unsent);
        if (error is not SocketError.Success)
            Leave(error);
        else if (unsent is not null)
            _ = SendAsync(unsent);
    }

    private async Task SendAsync(List<ArraySegment<byte>> unsent)
    {
        _isSending = true;
        var error = await output.SendAsync(unsent);
        if (error is not SocketError.Success)
            Leave(error);

        _isSending = false;
        _lane?.RequestTurn(this);
    }

    // A slow send is no fault while some of it is acknowledged.
    private void CheckSend(long now, TimeSpan writeTimeout)
    {
        var acknowledged = output.Acknowledged;
        if (acknowledged != _acknowledged)
            (_acknowledged, _lastProgress) = (acknowledged, now);
        else if (now - _lastProgress >= writeTimeout.TotalMilliseconds)
            End(EndReason.WriteTimeout);

        EndIfLapped();
    }

    // The stream is over when no send is under way: the connection must not be closed in the middle of one.
    private Turn EndTurn()
    {
        if (!_isSending)
            return Turn.Over;

        if (!_isCut)
            output.Cut();

        _isCut = true;
        return Turn.Done;
    }

    private bool EndIfExpired(long now)
    {
        // At its greatest age a client still gets the rest of a frame. Without a valid token it gets nothing more.
        if (now < Lifetime.End || (Lifetime.Reason is EndReason.MaxAge && (_isSending || !_isBetweenFrames)))
            return false;

        End(Lifetime.Reason);
        return true;
    }

    private bool EndIfLapped()
    {
        if (_feed.IsLapped)
            End(EndReason.Lapped);

        return IsEnding;
    }
}

/// <summary>
/// What becomes of a client after its turn: it has everything or waits for the end of a send, there is more to send at once, or its
/// stream is over.
/// </summary>
internal enum Turn
{
    Done,
    Again,
    Over,
}
