using System.Buffers;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using SseListener.Listener;

namespace SseListener.Http;

/// <summary>How reading a body ended.</summary>
internal enum BodyState
{
    /// <summary>All of it is here.</summary>
    Complete,

    /// <summary>More arrived than is allowed.</summary>
    TooLarge,

    /// <summary>It did not arrive in time.</summary>
    TooSlow,

    /// <summary>The connection ended first, or the chunks were malformed.</summary>
    Broken,

    /// <summary>It had been arriving for longest when there was no room for another.</summary>
    GivenWay,
}

/// <summary>
/// A request's body, read with a limit on what arrives, not on what Content-Length claims, and with a deadline for all of it.
/// Its bytes are borrowed: they are gone once it is disposed.
/// </summary>
/// <param name="others">Those that are under way, this one among them.</param>
internal sealed class RequestBody(BodiesUnderWay others) : IDisposable
{
    // For a read that has to wait: until it ends its buffer is not free, also when the body has given way.
    private const int SmallBuffer = 16 * 1024;

    // For a read of what has come already. More would be on the heap of large objects, which is collected rarely.
    private const int LargeBuffer = 64 * 1024;

    // What is read into, and those that were before it. The pool keeps few of so small ones; of large arrays it would keep as many as
    // an attack has ever taken.
    private List<byte[]> _full = [];
    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(SmallBuffer);
    private int _length;
    private byte[]? _whole;
    private bool _isLent;
    private bool _isOver;
    private TaskCompletionSource<bool>? _waiting;

    /// <summary>Its place among those that are arriving, and how many bytes it may keep beside its buffer: both for the others.</summary>
    public LinkedListNode<RequestBody>? Place { get; set; }

    /// <inheritdoc cref="Place"/>
    public int Room { get; set; }

    /// <summary>Whether it has had to make room for another, and counts no more.</summary>
    public bool HasGivenWay { get; private set; }

    /// <summary>The bytes that arrived.</summary>
    public ReadOnlyMemory<byte> Bytes => _whole ?? _buffer.AsMemory(0, _length);

    private int Length => _full.Sum(buffer => buffer.Length) + _length;

    /// <summary>Reads the body of a request.</summary>
    /// <param name="exchange">The request; it is told when its body has been read to the end.</param>
    /// <param name="limit">Most bytes.</param>
    /// <param name="timeout">Longest time for the whole body.</param>
    public async Task<BodyState> ReadAsync(Exchange exchange, int limit, TimeSpan timeout)
    {
        var (input, claimed) = (exchange.Request.InputStream, exchange.Request.ContentLength64);
        var most = claimed < 0 ? limit : (int)Math.Min(limit, claimed);
        var started = Stopwatch.GetTimestamp();
        try
        {
            while (true)
            {
                var read = await ReadAsync(input, timeout - Stopwatch.GetElapsedTime(started));
                _length += read;
                if (Length > limit)
                {
                    return BodyState.TooLarge;
                }

                if (read == 0 || Length == claimed)
                {
                    return End(exchange);
                }

                if (_length == _buffer.Length && !TryAddBuffer(exchange.Socket?.Available ?? 0, most - Length))
                {
                    return BodyState.GivenWay;
                }
            }
        }
        catch (TimeoutException)
        {
            return BodyState.TooSlow;
        }
        catch (OperationCanceledException)
        {
            return BodyState.GivenWay;
        }
        catch (Exception e) when (e is IOException or SocketException or HttpListenerException or ObjectDisposedException)
        {
            return BodyState.Broken;
        }
    }

    /// <summary>Has it end without the rest of it. Any thread may call it.</summary>
    public void GiveWay()
    {
        HasGivenWay = true;

        // At once, for its own thread may come to it late. It may be adding to this list, so the pool does not get these back.
        _full = [];

        // Either this finds that it waits, or it finds this before it waits.
        Interlocked.MemoryBarrier();
        _waiting?.TrySetCanceled();
    }

    /// <summary>Gives the bytes back.</summary>
    public void Dispose()
    {
        if (_isOver)
        {
            return;
        }

        _isOver = true;
        _full.ForEach(Return);
        others.Remove(this);

        // A read that is still under way may write into the buffer: then nobody else may have it.
        if (!_isLent)
        {
            Return(_buffer);
        }
    }

    private static void Return(byte[] buffer) => ArrayPool<byte>.Shared.Return(buffer);

    private BodyState End(Exchange exchange)
    {
        var chunked = exchange.ChunkedBody;
        exchange.BodyIsRead = chunked is not ({ IsTooLong: true } or { IsCutOff: true });
        return chunked is { IsTooLong: true } ? BodyState.TooLarge
            : chunked is { IsCutOff: true } ? BodyState.Broken
            : others.TryComplete(this) ? Complete()
            : BodyState.GivenWay;
    }

    // In one piece, for the parsers.
    private BodyState Complete()
    {
        if (_full.Count > 0)
        {
            _whole = GC.AllocateUninitializedArray<byte>(Length);
            var at = 0;
            foreach (var buffer in _full)
            {
                buffer.CopyTo(_whole, at);
                at += buffer.Length;
                Return(buffer);
            }

            _buffer.AsSpan(0, _length).CopyTo(_whole.AsSpan(at));
            _full.Clear();
        }

        return BodyState.Complete;
    }

    // Without a callback: most bodies arrive together with their head, and then HttpListener has the bytes but would give them to a
    // callback on another thread. So it is asked first, and only who has to wait changes threads.
    private async Task<int> ReadAsync(Stream input, TimeSpan remaining)
    {
        _isLent = true;
        var reading = input.BeginRead(_buffer, _length, _buffer.Length - _length, callback: null, state: null);
        if (!reading.IsCompleted)
        {
            await WaitAsync(reading.AsyncWaitHandle, remaining);
        }

        var read = input.EndRead(reading);
        _isLent = false;
        return read;
    }

    private async Task WaitAsync(WaitHandle completed, TimeSpan limit)
    {
        var waiting = _waiting = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        Interlocked.MemoryBarrier();
        if (HasGivenWay)
        {
            throw new OperationCanceledException();
        }

        var registration = ThreadPool.UnsafeRegisterWaitForSingleObject(
            completed, (_, timedOut) => waiting.TrySetResult(timedOut), state: null, limit > TimeSpan.Zero ? limit : TimeSpan.Zero, executeOnlyOnce: true);
        try
        {
            if (await waiting.Task)
            {
                throw new TimeoutException();
            }
        }
        finally
        {
            registration.Unregister(null);
        }
    }

    private bool TryAddBuffer(int available, int missing)
    {
        var size = available > SmallBuffer ? LargeBuffer : SmallBuffer;
        if (!others.TryMakeRoom(this, Math.Min(size, missing)))
        {
            return false;
        }

        _full.Add(_buffer);
        _buffer = ArrayPool<byte>.Shared.Rent(size);
        _length = 0;
        return true;
    }
}
