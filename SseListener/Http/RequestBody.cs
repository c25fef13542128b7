using System.Buffers;
using System.Diagnostics;
using System.Net;

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
}

/// <summary>
/// A request's body, read with a limit on what arrives, not on what Content-Length claims, and with a deadline for all of it.
/// Its bytes are borrowed: they are gone once it is disposed.
/// </summary>
internal sealed class RequestBody : IDisposable
{
    private const int FirstBuffer = 4 * 1024;

    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(FirstBuffer);
    private int _length;
    private bool _isLent;

    /// <summary>The bytes that arrived.</summary>
    public ReadOnlyMemory<byte> Bytes => _buffer.AsMemory(0, _length);

    /// <summary>Reads the body of a request.</summary>
    /// <param name="exchange">The request; it is told when its body has been read to the end.</param>
    /// <param name="limit">Most bytes.</param>
    /// <param name="timeout">Longest time for the whole body.</param>
    public async Task<BodyState> ReadAsync(Exchange exchange, int limit, TimeSpan timeout)
    {
        var input = exchange.Request.InputStream;
        var started = Stopwatch.GetTimestamp();
        try
        {
            while (true)
            {
                Grow(limit);
                var read = await ReadAsync(input, timeout - Stopwatch.GetElapsedTime(started));
                if (read == 0)
                {
                    var isWhole = exchange.ChunkedBody is not ({ IsTooLong: true } or { IsCutOff: true });
                    exchange.BodyIsRead = isWhole;
                    return isWhole ? BodyState.Complete : exchange.ChunkedBody!.IsTooLong ? BodyState.TooLarge : BodyState.Broken;
                }

                _length += read;
                if (_length > limit)
                {
                    return BodyState.TooLarge;
                }

                if (_length == exchange.Request.ContentLength64)
                {
                    exchange.BodyIsRead = true;
                    return BodyState.Complete;
                }
            }
        }
        catch (TimeoutException)
        {
            return BodyState.TooSlow;
        }
        catch (Exception e) when (e is IOException or HttpListenerException or ObjectDisposedException)
        {
            return BodyState.Broken;
        }
    }

    /// <summary>Gives the bytes back.</summary>
    public void Dispose()
    {
        // A read that is still under way may write into the buffer: then nobody else may have it.
        if (!_isLent)
        {
            ArrayPool<byte>.Shared.Return(_buffer);
            _isLent = true;
        }
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

    private static async Task WaitAsync(WaitHandle completed, TimeSpan limit)
    {
        var waiting = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        var registration = ThreadPool.UnsafeRegisterWaitForSingleObject(
            completed, (_, timedOut) => waiting.SetResult(timedOut), state: null, limit > TimeSpan.Zero ? limit : TimeSpan.Zero, executeOnlyOnce: true);
        var timedOut = await waiting.Task;
        registration.Unregister(null);
        if (timedOut)
        {
            throw new TimeoutException();
        }
    }

    private void Grow(int limit)
    {
        if (_length < _buffer.Length)
        {
            return;
        }

        var larger = ArrayPool<byte>.Shared.Rent((int)Math.Min(_buffer.Length * 2L, limit + 1L));
        Bytes.CopyTo(larger);
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = larger;
    }
}
