using System.Diagnostics;

namespace SseListener.Delivery;

/// <summary>A rest of an audience in a burst. What else the lane has to do goes on meanwhile.</summary>
internal struct Rest
{
    /// <summary>
    /// The burst is over when nothing has come in for so long: longer than those who publish take from one to the next, and shorter
    /// than from one event to the next where many come steadily, which are no burst. With 5 ms, of 200 events a second to 1,000 clients
    /// the 99th percentile arrived after 55 ms, with 2 ms after 7; bursts are as fast.
    /// </summary>
    public static readonly TimeSpan Lull = TimeSpan.FromMilliseconds(2);

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
