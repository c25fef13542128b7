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

    /// <summary>Events delivered, each counted once for each subscriber.</summary>
    public long Delivered => Interlocked.Read(ref _delivered);

    /// <summary>The time of the latest delivery, as <see cref="Stopwatch.GetTimestamp"/> counts.</summary>
    public long LastDelivery => Interlocked.Read(ref _lastDelivery);

    /// <summary>Those that receive the events; the run disposes of them.</summary>
    public List<Subscriber> Subscribers { get; } = [];

    /// <summary>Starts the time of an event, and returns the body of its publish: JSON of <paramref name="size"/> bytes.</summary>
    public string BeginEvent(int number, int size)
    {
        const string End = "\"}}";
        Volatile.Write(ref _published[number], Stopwatch.GetTimestamp());
        return $"{{\"data\":{{\"run\":{Encoding.ASCII.GetString(Marker)}{number},\"p\":\"".PadRight(size - End.Length, 'x') + End;
    }

    /// <summary>Counts the first delivery of an event to a subscriber.</summary>
    public void CountDelivery(int number, long now)
    {
        Latencies.Add(now - Volatile.Read(ref _published[number]));
        Volatile.Write(ref _lastDelivery, now);
        Interlocked.Increment(ref _delivered);
    }

    /// <exception cref="BenchException">For five seconds none has got one, and some are missing.</exception>
    public void WaitForStreams()
    {
        var all = Subscribers.Count;
        int Streams() => Subscribers.Count(subscriber => subscriber.HasStream == true);
        if (!WaitFor(() => Streams(), all))
        {
            var refused = Subscribers.Count(subscriber => subscriber.HasStream == false);
            throw new BenchException($"{all - Streams()} of {all} subscribers got no stream ({refused} were refused).");
        }
    }

    /// <summary>Waits until this many events have been delivered, or none has come for five seconds.</summary>
    public void WaitForDeliveries(long wanted) => WaitFor(() => Delivered, wanted);

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
