using SseListener.Events;

namespace SseListener.Delivery;

/// <summary>An open stream: an output, a feed, and at most one send under way. For its lane's thread, unless any thread is named.</summary>
internal sealed class Client(string id, Output output, Subscription subscription, Lifetime lifetime)
{
    private const int NotEnding = -1;
    private readonly TaskCompletionSource<EndReason> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Feed _feed = subscription.Feed;
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

    /// <summary>Who it is, by its token; null when that is not known. Clients of one user share the text (<see cref="Roster"/>).</summary>
    public string? User { get; set; }

    /// <summary>Whether others are told that it comes and goes.</summary>
    public bool IsAnnounced { get; } = Presence.Concerns(subscription.Topics);

    /// <summary>Since when it is to be told of joins and leaves (<see cref="SteadyClock.Microseconds"/>); null for from now on.</summary>
    public long? PresenceSince { get; init; }

    /// <summary>The number of the last join or leave that it is told of in that way.</summary>
    public long ToldThrough { get; set; }

    /// <summary>Where it stands in the lane's list of clients of each of its topics (<see cref="TopicSubscribers"/>).</summary>
    public int[] ListIndexes { get; } = new int[subscription.Topics.Length];

    /// <summary>Completes with the reason when the stream is over and its lane sends nothing more.</summary>
    public Task<EndReason> Ended => _ended.Task;

    /// <summary>The lane that serves it, which sets it; null before.</summary>
    public DeliveryLane? Lane { get; set; }

    /// <summary>Whether the connection has everything that was appended so far.</summary>
    public bool IsIdle => IsEnding || (!_isSending && _feed.IsCaughtUp);
    private bool IsEnding => Volatile.Read(ref _reason) != NotEnding;

    /// <summary>Ends the stream; the first reason counts, but WriteTimeout replaces Left. Any thread may call it, the lane acts.</summary>
    public void End(EndReason reason)
    {
        // The kernel (TCP_USER_TIMEOUT) may report a timeout to the send and, before or after it, a plain end to the pending read.
        if (Interlocked.CompareExchange(ref _reason, (int)reason, NotEnding) == (int)EndReason.Left && reason is EndReason.WriteTimeout)
            Volatile.Write(ref _reason, (int)reason);

        Lane?.RequestTurn(this);
    }

    /// <summary>Ends a client whose connection is gone: the kernel keeps to the write timeout, too. Any thread may call it.</summary>
    public void Leave(SocketError error) => End(error is SocketError.TimedOut ? EndReason.WriteTimeout : EndReason.Left);

    /// <summary>Marks that the client waits for a turn; false when it already does. Any thread may call it.</summary>
    public bool TryBeginWaiting() => Interlocked.Exchange(ref _isWaiting, 1) == 0;
    public void EndWaiting() => Interlocked.Exchange(ref _isWaiting, 0);

    /// <summary>Fills the slice with what comes next and sends it, if there is something and no send is under way.</summary>
    public Turn SendNext(Slice slice, long now)
    {
        if (IsEnding || EndIf(IsExpired(now), Lifetime.Reason) || EndIf(_isSending && _feed.IsLapped, EndReason.Lapped))
            return EndTurn();

        if (_isSending)
            return Turn.Done;

        var state = _feed.Fill(slice);
        if (state is CursorState.Lapped)
            End(EndReason.Lapped);
        else if (slice.Length > 0)
            SendEvents(slice, now);

        // Asked in this order: behind an end that it sees here, nothing can come.
        if (Subscription.IsOver && !_isSending && _feed.IsCaughtUp)
            End(EndReason.Ended);

        return IsEnding ? EndTurn() : state is CursorState.SliceAndMore && !_isSending ? Turn.Again : Turn.Done;
    }

    /// <summary>Ends a client whose time is up or that takes nothing of a send, and sends a heartbeat to one that is due for it.</summary>
    public Turn Tick(Slice heartbeat, long now, LaneOptions options)
    {
        if (IsEnding || EndIf(IsExpired(now), Lifetime.Reason))
            return EndTurn();

        // A feed has caught up only behind a whole frame. Within a frame the heartbeat would become a part of its data.
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
        Lane?.Meter.CountWrite(events.Frames, events.Length);
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
        Lane?.RequestTurn(this);
    }

    // A slow send is no fault while some of it is acknowledged.
    private void CheckSend(long now, TimeSpan writeTimeout)
    {
        var acknowledged = output.Acknowledged;
        if (acknowledged != _acknowledged)
            (_acknowledged, _lastProgress) = (acknowledged, now);
        else if (now - _lastProgress >= writeTimeout.TotalMilliseconds)
            End(EndReason.WriteTimeout);

        EndIf(_feed.IsLapped, EndReason.Lapped);
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

    // At its greatest age a client still gets the rest of a frame. Without a valid token it gets nothing more.
    private bool IsExpired(long now) =>
        now >= Lifetime.End && (Lifetime.Reason is not EndReason.MaxAge || (!_isSending && _isBetweenFrames));

    private bool EndIf(bool isOver, EndReason reason)
    {
        if (isOver)
            End(reason);

        return isOver;
    }
}

/// <summary>After its turn a client has all or waits for the end of a send, or has more to send at once, or its stream is over.</summary>
internal enum Turn { Done, Again, Over }

/// <summary>Why a stream ended.</summary>
internal enum EndReason
{
    /// <summary>The client closed its connection, or a write to it failed.</summary>
    Left,

    /// <summary>What it was to get next is no longer kept, for it read too slowly, or was lost by a cluster's log.</summary>
    Lapped,

    /// <summary>It took or acknowledged nothing of a write for longer than the write timeout.</summary>
    WriteTimeout,

    /// <summary>It sent too much behind its request.</summary>
    SentMore,
    TokenExpired,
    MaxAge,

    /// <summary>All of its channels have ended.</summary>
    Ended,

    /// <summary>An operator ended it.</summary>
    Dismissed,
    ServerStop,
}

/// <summary>Until when a client may listen, in milliseconds of <see cref="Environment.TickCount64"/>, and why no longer.</summary>
internal readonly record struct Lifetime(long End, EndReason Reason);
