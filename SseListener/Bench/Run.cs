using System.Diagnostics;
using System.Globalization;
using System.Text;
using SseListener.Events;

namespace SseListener.Bench;

/// <summary>What a number of subscribers received of a number of events. Its counts may be read and changed on any thread.</summary>
internal sealed class Run
{
    private const string Tail = "\"}}";

    private static readonly TimeSpan _giveUpAfter = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan _look = TimeSpan.FromMilliseconds(1);

    private readonly string _id = NanoId.Generate();
    private readonly long[] _sent;
    private int _open;
    private int _closed;
    private long _refused;
    private long _delivered;
    private long _doubles;
    private long _disorders;
    private long _bytes;
    private long _lastDelivery;

    /// <summary>A run of this many events.</summary>
    public Run(int events)
    {
        Events = events;
        _sent = new long[events];
        Marker = Encoding.ASCII.GetBytes($"\"{_id}\",\"i\":");
    }

    /// <summary>Events that are published; they are numbered from 0.</summary>
    public int Events { get; }

    /// <summary>What stands before an event's number.</summary>
    public byte[] Marker { get; }

    /// <summary>How long events took from the publisher's socket to a subscriber's.</summary>
    public Histogram Latency { get; } = new();

    /// <summary>Subscribers whose stream has begun.</summary>
    public int Open => Volatile.Read(ref _open);

    /// <summary>Streams that the server ended.</summary>
    public int Closed => Volatile.Read(ref _closed);

    /// <summary>Events delivered, each counted once for each subscriber.</summary>
    public long Delivered => Interlocked.Read(ref _delivered);

    /// <summary>Events that came again.</summary>
    public long Doubles => Interlocked.Read(ref _doubles);

    /// <summary>Events that came after one that was published later.</summary>
    public long Disorders => Interlocked.Read(ref _disorders);

    /// <summary>Bytes received.</summary>
    public long Bytes => Interlocked.Read(ref _bytes);

    /// <summary>When the latest event was delivered, as <see cref="Stopwatch"/> counts.</summary>
    public long LastDelivery => Interlocked.Read(ref _lastDelivery);

    /// <summary>The body of a publish: JSON of <paramref name="size"/> bytes, or a little more when that is too few.</summary>
    public string Body(int number, int size)
    {
        var head = "{\"data\":{\"run\":" + Encoding.ASCII.GetString(Marker) + number.ToString(CultureInfo.InvariantCulture) + ",\"p\":\"";
        return head + new string('x', Math.Max(0, size - head.Length - Tail.Length)) + Tail;
    }

    /// <summary>An event is about to be sent.</summary>
    public void CountSent(int number) => Volatile.Write(ref _sent[number], Stopwatch.GetTimestamp());

    /// <summary>A subscriber's first bytes have come.</summary>
    public void CountOpen(ReadOnlySpan<byte> answer)
    {
        // Any other answer is no stream, and nothing will come of it.
        _ = answer.StartsWith("HTTP/1.1 200"u8) ? Interlocked.Increment(ref _open) : Interlocked.Increment(ref _refused);
    }

    /// <summary>A stream has ended.</summary>
    public void CountClosed() => Interlocked.Increment(ref _closed);

    /// <summary>Bytes have come.</summary>
    public void CountBytes(int count) => Interlocked.Add(ref _bytes, count);

    /// <summary>An event has come again.</summary>
    public void CountDouble() => Interlocked.Increment(ref _doubles);

    /// <summary>An event has come after a later one.</summary>
    public void CountDisorder() => Interlocked.Increment(ref _disorders);

    /// <summary>An event has come for the first time.</summary>
    public void CountDelivery(int number, long now)
    {
        Latency.Add(now - Volatile.Read(ref _sent[number]));
        Volatile.Write(ref _lastDelivery, now);
        Interlocked.Increment(ref _delivered);
    }

    /// <summary>Waits until all of these subscribers have a stream.</summary>
    /// <exception cref="BenchException">They do not get one.</exception>
    public void WaitForOpen(int subscribers)
    {
        if (!WaitFor(() => Open, subscribers))
        {
            throw new BenchException($"{subscribers - Open} of {subscribers} subscribers got no stream ({Interlocked.Read(ref _refused)} were refused).");
        }
    }

    /// <summary>Waits until this many events have been delivered, or none has come for five seconds.</summary>
    public void WaitForDeliveries(long wanted) => WaitFor(() => Delivered, wanted);

    private static bool WaitFor(Func<long> count, long wanted)
    {
        using var pause = new ManualResetEventSlim();
        var before = -1L;
        var since = Stopwatch.GetTimestamp();
        for (long now; (now = count()) < wanted; pause.Wait(_look))
        {
            if (now != before)
            {
                before = now;
                since = Stopwatch.GetTimestamp();
            }
            else if (Stopwatch.GetElapsedTime(since) > _giveUpAfter)
            {
                return false;
            }
        }

        return true;
    }
}
