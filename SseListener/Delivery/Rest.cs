using System.Diagnostics;

namespace SseListener.Delivery;

/// <summary>
/// A rest of an audience between two sweeps of a burst, which is when more and more comes in during long sweeps. Those who publish the
/// burst and those who receive it may be waiting for this processor: they get three quarters of it, and the next slices are the longer
/// for it. What else the lane has to do goes on meanwhile.
/// </summary>
internal struct Rest
{
    /// <summary>
    /// The burst is over when nothing has come in for so long: longer than those who publish take from one to the next, and shorter
    /// than from one event to the next where many come steadily, which are no burst.
    /// </summary>
    public static readonly TimeSpan Lull = TimeSpan.FromMilliseconds(2);

    // Frames: one begins a sweep, and by chance another comes during it.
    private const int Few = 2;

    private static readonly TimeSpan _longSweep = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan _longestRest = TimeSpan.FromMilliseconds(50);

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

    /// <summary>How long to rest after a sweep; zero when it was none of a burst.</summary>
    /// <param name="swept">How long it took.</param>
    /// <param name="frames">How many frames the topic got from the end of the sweep before to the end of this one.</param>
    /// <param name="bytes">Their bytes. Of more than a slice clients would fall behind by a rest.</param>
    public static TimeSpan After(TimeSpan swept, long frames, long bytes) =>
        swept < _longSweep || frames <= Few || bytes >= Events.Slice.Longest ? TimeSpan.Zero
        : TimeSpan.FromTicks(Math.Min(3 * swept.Ticks, _longestRest.Ticks));

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
