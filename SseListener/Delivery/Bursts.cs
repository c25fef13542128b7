using System.Diagnostics;

namespace SseListener.Delivery;

/// <summary>
/// What lanes do in a burst, which is when more and more comes in during long sweeps: they take turns, and they rest between their
/// sweeps. Where processors are few, those who publish the burst and those who receive it are waiting for this one: until sweeps take
/// 7 ms they have seven eighths of the processors, and the next slices are the longer for it. Other news is swept by all lanes at once.
/// </summary>
/// <remarks>
/// 1,000 clients on two processors, back to back, medians of ten runs side by side: 3.5 million deliveries a second, 3.2 in the slowest
/// run. With rests only after 1 KiB of news, three sweeps long and to their end, 3.0 and 1.8: the lanes kept the publisher from publishing
/// so much, and sweeps were 115 where they are 15 to 30 now. Without turns 2.6 where it was 3.0 with them.
/// </remarks>
internal sealed class Bursts : IDisposable
{
    // Frames: one begins a sweep, and by chance another comes during it.
    private const int Few = 2;

    // Bytes: no more than a client gets in one sweep, or clients would fall behind while their lanes rest.
    private const int Long = Client.LargestWrite;

    private const double Share = 0.125;

    private static readonly TimeSpan _longSweep = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan _longestRest = TimeSpan.FromMilliseconds(50);

    private readonly SemaphoreSlim _turns;
    private readonly double _restPerSweep;

    /// <summary>For some lanes.</summary>
    /// <param name="lanes">How many there are.</param>
    /// <param name="processors">How many processors they share with everything else.</param>
    public Bursts(int lanes, int processors)
    {
        _turns = new SemaphoreSlim(Math.Max(1, processors / 2));
        _restPerSweep = Math.Max(1, (lanes / (Share * processors)) - 1);
    }

    /// <summary>Waits for a turn, which is for one sweep.</summary>
    public void BeginTurn() => _turns.Wait();

    /// <summary>Ends it.</summary>
    public void EndTurn() => _turns.Release();

    /// <summary>How long to rest.</summary>
    /// <param name="swept">How long the last sweep took.</param>
    /// <param name="news">What the topic got from the end of the sweep before to the end of this one.</param>
    /// <returns>Zero when it was no sweep of a burst.</returns>
    public TimeSpan RestAfter(TimeSpan swept, News news)
    {
        if (swept < _longSweep || news.Frames <= Few || news.Bytes >= Long)
        {
            return TimeSpan.Zero;
        }

        var rest = swept * _restPerSweep;
        return rest < _longestRest ? rest : _longestRest;
    }

    /// <inheritdoc/>
    public void Dispose() => _turns.Dispose();
}

/// <summary>A rest of an audience in a burst. What else the lane has to do goes on meanwhile.</summary>
internal struct Rest
{
    /// <summary>The burst is over when nothing has come in for so long: longer than those who publish take from one to the next.</summary>
    public static readonly TimeSpan Lull = TimeSpan.FromMilliseconds(5);

    private readonly long _end;
    private long _cameAt;
    private long _count;

    /// <summary>Begins it.</summary>
    /// <param name="limit">How long it is at most.</param>
    /// <param name="count">How many frames the topic has had.</param>
    /// <param name="now">The time as <see cref="Stopwatch.GetTimestamp"/> counts it.</param>
    public Rest(TimeSpan limit, long count, long now)
    {
        _end = now + Ticks(limit);
        _cameAt = now;
        _count = count;
    }

    /// <summary>Whether it goes on: it has not reached its limit, and more and more comes in.</summary>
    /// <param name="count">How many frames the topic has had.</param>
    /// <param name="now">The time.</param>
    public bool GoesOn(long count, long now)
    {
        if (count != _count)
        {
            (_count, _cameAt) = (count, now);
        }

        return now < _end && now - _cameAt < Ticks(Lull);
    }

    private static long Ticks(TimeSpan time) => (long)(time.TotalSeconds * Stopwatch.Frequency);
}

/// <summary>What a topic has got in some time.</summary>
/// <param name="Frames">How many frames.</param>
/// <param name="Bytes">How many bytes they are.</param>
internal readonly record struct News(long Frames, long Bytes);
