using System.Buffers.Text;
using System.Collections;
using SseListener.Events;

namespace SseListener.Bench;

/// <summary>Numbered events, when each was published, and what the subscribers have received of them.</summary>
internal sealed class Run(int events) : IDisposable
{
    private static readonly TimeSpan _giveUpAfter = TimeSpan.FromSeconds(5);

    private readonly long[] _published = new long[events];
    private long _delivered;
    private long _lastDelivery;

    public int Events => events;

    /// <summary>What stands before an event's number, in this run only.</summary>
    public byte[] Marker { get; } = Encoding.ASCII.GetBytes($"\"{NanoId.Generate()}\",\"i\":");
    public Histogram Latencies { get; } = new();

    /// <summary>Those that receive the events; the run disposes of them.</summary>
    public List<Subscriber> Subscribers { get; } = [];
    public long Delivered => Interlocked.Read(ref _delivered);

    /// <summary>The time of the latest delivery, as <see cref="Stopwatch.GetTimestamp"/> counts.</summary>
    public long LastDelivery => Interlocked.Read(ref _lastDelivery);

    /// <summary>Starts the time of an event, and returns the body of its publish: JSON of <paramref name="size"/> bytes.</summary>
    public string BeginEvent(int number, int size)
    {
        const string End = "\"}}";
        Volatile.Write(ref _published[number], Stopwatch.GetTimestamp());
        return $"{{\"data\":{{\"run\":{Encoding.ASCII.GetString(Marker)}{number},\"p\":\"".PadRight(size - End.Length, 'x') + End;
    }

    public void CountDelivery(int number, long now)
    {
        Latencies.Add(now - Volatile.Read(ref _published[number]));
        Volatile.Write(ref _lastDelivery, now);
        Interlocked.Increment(ref _delivered);
    }

    /// <summary>Waits until all subscribers have a stream; throws where none has got one for five seconds.</summary>
    public void WaitForStreams()
    {
        int Count(bool hasStream) => Subscribers.Count(subscriber => subscriber.HasStream == hasStream);
        var all = Subscribers.Count;
        if (!WaitFor(() => Count(true), all))
            throw new BenchException($"{all - Count(true)} of {all} subscribers got no stream ({Count(false)} were refused).");
    }

    /// <summary>Waits until all events have been delivered to all subscribers, or none has come for five seconds.</summary>
    public void WaitForDeliveries() => WaitFor(() => Delivered, (long)Events * Subscribers.Count);

    public void Dispose() => Subscribers.ForEach(subscriber => subscriber.Dispose());

    private static bool WaitFor(Func<long> count, long wanted)
    {
        var (reached, since) = (-1L, 0L);
        for (long now; (now = count()) < wanted; Thread.Sleep(1))
        {
            if (now != reached)
                (reached, since) = (now, Stopwatch.GetTimestamp());
            else if (Stopwatch.GetElapsedTime(since) > _giveUpAfter)
                return false;
        }

        return true;
    }
}

/// <summary>
/// One connection that receives, and checks that every event of the run comes once and in order. It allocates nothing for an event. Its
/// counts are right once the stream is quiet.
/// </summary>
internal sealed class Subscriber : IDisposable
{
    private readonly Run _run;
    private readonly Socket _socket;
    private readonly byte[] _buffer = new byte[16 * 1024];
    private readonly BitArray _seen;
    private int _next;

    public Subscriber(Run run, Target target, byte[] request)
    {
        (_run, _seen) = (run, new BitArray(run.Events));
        _socket = target.Connect();
        _socket.Send(request);
        _ = ReceiveAsync();
    }

    /// <summary>Whether the server gave it a stream; null until it has answered.</summary>
    public bool? HasStream { get; private set; }
    public long Doubled { get; private set; }
    public long Disordered { get; private set; }

    public void Dispose() => _socket.Dispose();

    private async Task ReceiveAsync()
    {
        try
        {
            for (int kept = 0, count; (count = await _socket.ReceiveAsync(_buffer.AsMemory(kept))) > 0;)
            {
                // Every server sends the head and the first bytes of the body at once.
                HasStream ??= _buffer.AsSpan(0, count).StartsWith("HTTP/1.1 200"u8);
                var unread = Read(_buffer.AsSpan(0, kept + count), Stopwatch.GetTimestamp());

                // A number that fills the buffer is none of the run's.
                kept = unread.Length < _buffer.Length / 2 ? unread.Length : 0;
                unread[..kept].CopyTo(_buffer);
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
            var isNumber = Utf8Parser.TryParse(digits, out int number, out var length);
            if (length == digits.Length)
                return bytes[at..];

            if (isNumber && number >= 0 && number < _run.Events)
                Check(number, now);

            bytes = digits[length..];
        }

        return bytes[Math.Max(0, bytes.Length - marker.Length + 1)..];
    }

    private void Check(int number, long now)
    {
        Doubled += _seen[number] ? 1 : 0;
        if (_seen[number])
            return;

        _seen[number] = true;
        Disordered += number < _next ? 1 : 0;
        _next = Math.Max(_next, number + 1);
        _run.CountDelivery(number, now);
    }
}

/// <summary>Counts durations on a logarithmic scale, so that any number of them takes 16 KB. Any thread may add.</summary>
internal sealed class Histogram
{
    // The exponent of a double and the first five bits of its fraction: quantiles are right to 1/32.
    private const int Shift = 52 - 5;
    private static readonly long _first = BitConverter.DoubleToInt64Bits(1) >> Shift;

    private readonly long[] _counts = new long[64 << 5];

    /// <summary>Adds a duration, in ticks of <see cref="Stopwatch"/>.</summary>
    public void Add(long ticks) =>
        Interlocked.Increment(ref _counts[(BitConverter.DoubleToInt64Bits(Math.Max(ticks, 1)) >> Shift) - _first]);

    /// <summary>The milliseconds that this part (0 to 1) of all durations does not exceed; 0 when there is none.</summary>
    public double Quantile(double part)
    {
        var end = 0;
        for (var missing = (long)Math.Ceiling(_counts.Sum() * part); missing > 0; end++)
            missing -= _counts[end];

        return end == 0 ? 0 : BitConverter.Int64BitsToDouble((_first + end) << Shift) * 1000 / Stopwatch.Frequency;
    }
}
