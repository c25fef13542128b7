using System.Net.Sockets;
using System.Runtime.InteropServices;
using SseListener.Events;

namespace SseListener.Delivery;

/// <summary>
/// One open response: an output, a feed that says what comes next, and at most one write in flight. Nothing is queued for a
/// client. All members are for its lane's thread, except <see cref="Id"/>, <see cref="Ended"/>, <see cref="End"/>,
/// <see cref="Leave"/>, <see cref="TryBeginWaiting"/> and the completion of a write.
/// </summary>
internal sealed class Client
{
    /// <summary>
    /// Bytes of a write: few enough that a client on a slow line takes them within the write timeout, enough that a burst costs few sends.
    /// A turn ends with the write that reaches so many.
    /// </summary>
    public const int LargestWrite = 64 * 1024;

    // Of a turn: as many as there are segments up to the first of this length.
    private const int MostSlices = 10;

    private static readonly TimeSpan _lastWord = TimeSpan.FromMilliseconds(250);
    private static readonly AsyncCallback _written = OnWritten;
    private static readonly string _timedOut = new SocketException((int)SocketError.TimedOut).Message;

    private readonly TaskCompletionSource<EndReason> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Stream _output;
    private readonly Feed _feed;
    private int _isWaiting;
    private volatile bool _isWriting;
    private volatile bool _hasEnded;
    private long _lastWrite = Environment.TickCount64;

    /// <summary>A client that is to get whatever its subscription's feed brings.</summary>
    /// <param name="id">Its NanoId.</param>
    /// <param name="output">Where that goes.</param>
    /// <param name="subscription">Its place on its channels.</param>
    /// <param name="lifetime">How long it may listen.</param>
    public Client(string id, Stream output, SubscribeResult.Subscription subscription, Lifetime lifetime)
    {
        Id = id;
        Subscription = subscription;
        _output = output;
        _feed = subscription.Feed;
        Lifetime = lifetime;
    }

    /// <summary>The client's NanoId.</summary>
    public string Id { get; }

    /// <summary>Its place on its channels.</summary>
    public SubscribeResult.Subscription Subscription { get; }

    /// <summary>How long it may listen.</summary>
    public Lifetime Lifetime { get; }

    /// <summary>Completes when the stream is over, with the reason.</summary>
    public Task<EndReason> Ended => _ended.Task;

    /// <summary>The lane that serves the client.</summary>
    public DeliveryLane? Lane { get; set; }

    /// <summary>The client's place in its lane's list.</summary>
    public int Place { get; set; }

    /// <summary>Its places in the audiences of what it listens to.</summary>
    public Seat[] Seats { get; set; } = [];

    /// <summary>Whether everything appended so far has been handed to the connection.</summary>
    public bool IsIdle => _hasEnded || (!_isWriting && _feed.IsCaughtUp);

    /// <summary>Ends the stream; the first reason counts. Any thread may call it.</summary>
    public void End(EndReason reason)
    {
        _hasEnded = true;
        _ended.TrySetResult(reason);
    }

    /// <summary>Ends a client whose connection is gone; soon, if a write is in flight, for that fails now and knows why. Any thread may call it.</summary>
    public void Leave() => _ = LeaveAsync();

    /// <summary>Takes note that the client waits for a turn; false when it does already. Any thread may call it.</summary>
    public bool TryBeginWaiting() => Interlocked.Exchange(ref _isWaiting, 1) == 0;

    /// <summary>Takes note that the client gets its turn.</summary>
    public void EndWaiting() => Interlocked.Exchange(ref _isWaiting, 0);

    /// <summary>A turn: starts the next write, if there is something to send and no write in flight.</summary>
    /// <param name="now">The time in milliseconds.</param>
    /// <returns>True when there is more to send at once, so that the client wants another turn.</returns>
    public bool Advance(long now)
    {
        // The segments of a young channel are short: with one slice a turn the first 300 KB of a burst took a dozen sweeps more than
        // there was news for, 3.2 million deliveries a second instead of 3.5, and half arrived within 210 ms instead of 38.
        var (slices, sent) = (0, 0);
        bool hasMore;
        do
        {
            hasMore = SendSlice(now, ref sent);
            slices++;
        }
        while (hasMore && _feed.IsAtSegmentEnd && slices < MostSlices && sent < LargestWrite);
        return hasMore;
    }

    /// <summary>
    /// Ends a client whose write has been in flight for too long, or whose time is up, and sends a heartbeat to one that has been silent
    /// for too long.
    /// </summary>
    public void Tick(long now, long heartbeat, long writeTimeout)
    {
        if (_hasEnded || HasExpired(now))
        {
            return;
        }

        var silence = now - _lastWrite;
        if (_isWriting && silence >= writeTimeout)
        {
            End(EndReason.WriteTimeout);
        }
        else if (_isWriting)
        {
            EndIfLapped();
        }
        else if (silence >= heartbeat && IsIdle)
        {
            // Only here, behind a whole frame: in the middle of one the comment would become a part of its data.
            Write(SseFrame.Heartbeat, 0, SseFrame.Heartbeat.Length, now);
        }
    }

    private async Task LeaveAsync()
    {
        if (_isWriting)
        {
            await Task.Delay(_lastWord);
        }

        End(EndReason.Left);
    }

    private bool SendSlice(long now, ref int sent)
    {
        if (_hasEnded || HasExpired(now))
        {
            return false;
        }

        if (_isWriting)
        {
            EndIfLapped();
            return false;
        }

        var state = _feed.Take(LargestWrite, out var slice);
        if (state is CursorState.Lapped)
        {
            End(EndReason.Lapped);
        }

        // Also without a slice: a slice before may have ended in front of what is passed over.
        Lane?.Meter.CountWrite(_feed.CountTaken(), slice.Count);
        if (slice.Count == 0)
        {
            return state is CursorState.SliceAndMore;
        }

        sent += slice.Count;
        return Write(slice.Array!, slice.Offset, slice.Count, now) && state is CursorState.SliceAndMore;
    }

    // BeginWrite and EndWrite, not WriteAsync: the response streams have only these, and what Stream puts around them allocates
    // and goes through the thread pool for a write that has already succeeded.
    private bool Write(byte[] buffer, int offset, int count, long now)
    {
        _lastWrite = now;
        _isWriting = true;
        try
        {
            var write = _output.BeginWrite(buffer, offset, count, _written, this);
            return write.CompletedSynchronously && Finish(write);
        }
        catch (Exception e) when (IsDisconnection(e))
        {
            End(ReasonOf(e));
            return false;
        }
    }

    private bool Finish(IAsyncResult write)
    {
        _output.EndWrite(write);
        _feed.Written();
        _isWriting = false;
        return true;
    }

    private static void OnWritten(IAsyncResult write)
    {
        if (write.CompletedSynchronously)
        {
            return;
        }

        var client = (Client)write.AsyncState!;
        try
        {
            client.Finish(write);
            client.Lane!.Serve(client);
        }
        catch (Exception e) when (IsDisconnection(e))
        {
            client.End(ReasonOf(e));
        }
    }

    private bool HasExpired(long now)
    {
        // Whom nothing forbids to listen gets the rest of what has begun.
        if (now < Lifetime.End || (Lifetime.Reason is EndReason.MaxAge && (_isWriting || !_feed.IsBehindFrame)))
        {
            return false;
        }

        End(Lifetime.Reason);
        return true;
    }

    private void EndIfLapped()
    {
        if (_feed.IsLapped)
        {
            End(EndReason.Lapped);
        }
    }

    // What a stream throws when its connection is gone. The listener's own exception is an ExternalException, and a connection that
    // is being closed on another thread may cost it a NullReferenceException.
    private static bool IsDisconnection(Exception e) =>
        e is IOException or ExternalException or InvalidOperationException or NullReferenceException;

    // The kernel keeps to the write timeout too (TCP_USER_TIMEOUT) and may find out first. Of that the listener passes on the words only.
    private static EndReason ReasonOf(Exception e) => e.Message.Contains(_timedOut, StringComparison.Ordinal) ? EndReason.WriteTimeout : EndReason.Left;
}
