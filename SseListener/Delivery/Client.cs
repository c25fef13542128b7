using System.Net.Sockets;
using SseListener.Events;

namespace SseListener.Delivery;

/// <summary>
/// One open stream: an output, a feed that says what comes next, and at most one send under way. Nothing is queued for a client. All
/// members are for its lane's thread, except <see cref="Id"/>, <see cref="Ended"/>, <see cref="End"/>, <see cref="Leave"/>,
/// <see cref="TryBeginWaiting"/> and the completion of a send.
/// </summary>
/// <param name="id">Its NanoId.</param>
/// <param name="output">Where everything goes.</param>
/// <param name="subscription">Its place on its channels.</param>
/// <param name="lifetime">How long it may listen.</param>
internal sealed class Client(string id, Output output, SubscribeResult.Subscription subscription, Lifetime lifetime)
{
    private const int NotEnding = -1;

    private readonly TaskCompletionSource<EndReason> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Feed _feed = subscription.Feed;
    private int _reason = NotEnding;
    private int _isWaiting;
    private volatile bool _isSending;
    private bool _isBehindFrame = true;
    private bool _isCut;
    private bool _isOver;
    private long _lastSend = Environment.TickCount64;
    private long _taken;

    /// <summary>The client's NanoId.</summary>
    public string Id { get; } = id;

    /// <summary>Its place on its channels.</summary>
    public SubscribeResult.Subscription Subscription { get; } = subscription;

    /// <summary>How long it may listen.</summary>
    public Lifetime Lifetime { get; } = lifetime;

    /// <summary>Completes when the stream is over and its lane sends nothing more, with the reason.</summary>
    public Task<EndReason> Ended => _ended.Task;

    /// <summary>The lane that serves the client.</summary>
    public DeliveryLane? Lane { get; set; }

    /// <summary>The client's place in its lane's list.</summary>
    public int Place { get; set; }

    /// <summary>Its places in the audiences of what it listens to.</summary>
    public Seat[] Seats { get; set; } = [];

    /// <summary>Whether everything appended so far has been handed to the connection.</summary>
    public bool IsIdle => IsEnding || (!_isSending && _feed.IsCaughtUp);

    private bool IsEnding => Volatile.Read(ref _reason) != NotEnding;

    /// <summary>
    /// Ends the stream; the first reason counts. Its lane carries it out, so that nobody else is sending then. Any thread may call it.
    /// </summary>
    public void End(EndReason reason)
    {
        // Of a send and a read that both wait, the kernel tells one that the other end has not answered in time, and the other only that
        // the connection is gone.
        if (Interlocked.CompareExchange(ref _reason, (int)reason, NotEnding) == (int)EndReason.Left && reason is EndReason.WriteTimeout)
        {
            Volatile.Write(ref _reason, (int)reason);
        }

        Lane?.Serve(this);
    }

    /// <summary>Ends the stream of a client whose connection is gone. Any thread may call it.</summary>
    /// <param name="error">What the kernel says of it: it keeps to the write timeout too (TCP_USER_TIMEOUT).</param>
    public void Leave(SocketError error) => End(error is SocketError.TimedOut ? EndReason.WriteTimeout : EndReason.Left);

    /// <summary>Takes note that the client waits for a turn; false when it does already. Any thread may call it.</summary>
    public bool TryBeginWaiting() => Interlocked.Exchange(ref _isWaiting, 1) == 0;

    /// <summary>Takes note that the client gets its turn.</summary>
    public void EndWaiting() => Interlocked.Exchange(ref _isWaiting, 0);

    /// <summary>A turn: sends the next slice, if there is something to send and no send under way.</summary>
    /// <param name="slice">To be filled with it.</param>
    /// <param name="now">The time in milliseconds.</param>
    public Turn Advance(Slice slice, long now)
    {
        if (IsEnding || HasExpired(now) || (_isSending && IsLapped()))
        {
            return Finish();
        }

        if (_isSending)
        {
            return Turn.Done;
        }

        var state = _feed.Fill(slice);
        if (state is CursorState.Lapped)
        {
            End(EndReason.Lapped);
            return Finish();
        }

        if (slice.Length > 0)
        {
            Lane?.Meter.CountWrite(slice.Frames, slice.Length);
            Send(slice, now);
        }

        return IsEnding ? Finish() : state is CursorState.SliceAndMore && !_isSending ? Turn.Again : Turn.Done;
    }

    /// <summary>
    /// Ends a client that has taken nothing of a send for too long, or whose time is up, and sends a heartbeat to one that has been silent
    /// for too long.
    /// </summary>
    /// <param name="heartbeat">What to send.</param>
    /// <param name="now">The time in milliseconds.</param>
    /// <param name="longestSilence">Milliseconds.</param>
    /// <param name="writeTimeout">Milliseconds.</param>
    public Turn Tick(Slice heartbeat, long now, long longestSilence, long writeTimeout)
    {
        if (IsEnding || HasExpired(now))
        {
            return Finish();
        }

        if (_isSending)
        {
            CheckSend(now, writeTimeout);
        }
        else if (now - _lastSend >= longestSilence && _feed.IsCaughtUp)
        {
            // Only here, behind a whole frame: in the middle of one the comment would become a part of its data.
            Send(heartbeat, now);
        }

        return IsEnding ? Finish() : Turn.Done;
    }

    /// <summary>Finds the place behind all that was sent; false when more is to be sent.</summary>
    /// <param name="place">The number of the last frame before it.</param>
    public bool TryGetPlace(out long place)
    {
        place = 0;
        return !IsEnding && !_isSending && _feed.TryGetPlace(out place);
    }

    /// <summary>Sends what is of no channel's log to a client of which everything else has been sent.</summary>
    /// <param name="frame">One frame.</param>
    /// <param name="now">The time in milliseconds.</param>
    public void Tell(Slice frame, long now)
    {
        Lane?.Meter.CountWrite(frame.Frames, frame.Length);
        Send(frame, now);
    }

    /// <summary>Says that the stream is over. To be called once its lane has let go of the client.</summary>
    public void Complete() => _ended.TrySetResult((EndReason)_reason);

    private void Send(Slice slice, long now)
    {
        _lastSend = now;
        _isBehindFrame = slice.EndsFrame;
        var error = output.Send(slice, out var rest);
        if (error is not SocketError.Success)
        {
            Leave(error);
        }
        else if (rest is not null)
        {
            _isSending = true;
            _ = SendAsync(rest);
        }
    }

    private async Task SendAsync(List<ArraySegment<byte>> rest)
    {
        var error = await output.SendAsync(rest);
        if (error is not SocketError.Success)
        {
            Leave(error);
        }

        _isSending = false;
        Lane?.Serve(this);
    }

    // A send that goes on slowly goes on: the kernel tells of its end only.
    private void CheckSend(long now, long writeTimeout)
    {
        if (output.Taken is var taken && taken != _taken)
        {
            (_taken, _lastSend) = (taken, now);
        }
        else if (now - _lastSend >= writeTimeout)
        {
            End(EndReason.WriteTimeout);
        }

        IsLapped();
    }

    // Over when no send is under way: whoever closes the connection then does not do it in the middle of one.
    private Turn Finish()
    {
        if (_isSending)
        {
            if (!_isCut)
            {
                _isCut = true;
                output.Cut();
            }

            return Turn.Done;
        }

        if (_isOver)
        {
            return Turn.Done;
        }

        _isOver = true;
        return Turn.Over;
    }

    private bool HasExpired(long now)
    {
        // Whom nothing forbids to listen gets the rest of what has begun.
        if (now < Lifetime.End || (Lifetime.Reason is EndReason.MaxAge && (_isSending || !_isBehindFrame)))
        {
            return false;
        }

        End(Lifetime.Reason);
        return true;
    }

    private bool IsLapped()
    {
        if (_feed.IsLapped)
        {
            End(EndReason.Lapped);
        }

        return IsEnding;
    }
}
