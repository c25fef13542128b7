namespace SseListener.Bench;

/// <summary>
/// One connection that receives, and checks that every event of the run comes once and in order. It allocates nothing for an event. Its
/// counts are right once the stream is quiet.
/// </summary>
internal sealed class Subscriber : IDisposable
{
    private readonly Run _run;
    private readonly Socket _socket;
    private readonly byte[] _buffer = new byte[16 * 1024];
    private readonly ulong[] _seen;
    private int _kept;
    private int _next;

    /// <summary>Connects, sends the request and begins to receive.</summary>
    /// <exception cref="BenchException">The server cannot be reached.</exception>
    public Subscriber(Run run, Target target, byte[] request)
    {
        _run = run;
        _seen = new ulong[(run.Events + 63) / 64];
        _socket = target.Connect();
        _socket.Send(request);
        _ = ReceiveAsync();
    }

    /// <summary>Whether the server gave it a stream; null until it has answered.</summary>
    public bool? HasStream { get; private set; }

    public long Bytes { get; private set; }

    public long Doubled { get; private set; }

    /// <summary>Events that came after a later one.</summary>
    public long Disordered { get; private set; }

    public void Dispose() => _socket.Dispose();

    private async Task ReceiveAsync()
    {
        try
        {
            for (int count; (count = await _socket.ReceiveAsync(_buffer.AsMemory(_kept))) > 0;)
            {
                // Every server sends the head and the first bytes of the body at once.
                HasStream ??= _buffer.AsSpan(0, count).StartsWith("HTTP/1.1 200"u8);
                Bytes += count;
                var unread = Read(_buffer.AsSpan(0, _kept + count), Stopwatch.GetTimestamp());

                // A number that fills the buffer is none of the run's.
                _kept = unread.Length < _buffer.Length / 2 ? unread.Length : 0;
                unread[.._kept].CopyTo(_buffer);
            }
        }
        catch (Exception e) when (e is ObjectDisposedException or SocketException)
        {
            // The run is over, or the server has gone.
        }
    }

    // Returns the end of the bytes, where a marker or a number may have begun.
    private Span<byte> Read(Span<byte> bytes, long now)
    {
        var marker = _run.Marker;
        for (int at; (at = bytes.IndexOf(marker)) >= 0;)
        {
            var digits = bytes[(at + marker.Length)..];
            var end = digits.IndexOfAnyExceptInRange((byte)'0', (byte)'9');
            if (end < 0)
                return bytes[at..];

            if (int.TryParse(digits[..end], out var number) && number < _run.Events)
                Check(number, now);

            bytes = digits[end..];
        }

        return bytes[Math.Max(0, bytes.Length - marker.Length + 1)..];
    }

    private void Check(int number, long now)
    {
        ref var seen = ref _seen[number / 64];
        var bit = 1UL << (number % 64);
        if ((seen & bit) != 0)
        {
            Doubled++;
            return;
        }

        seen |= bit;
        Disordered += number < _next ? 1 : 0;
        _next = Math.Max(_next, number + 1);
        _run.CountDelivery(number, now);
    }
}
