namespace SseListener.Runtime;

/// <summary>
/// Compacts the heap and gives memory back in quiet moments. The runtime alone would do so only when it has to, perhaps in the middle
/// of a burst, and everything stands still meanwhile.
/// </summary>
/// <param name="activity">A number that changes while the server has something to do.</param>
internal sealed class HeapTrim(Func<long> activity) : IDisposable
{
    // Bytes. After less there is little to give back.
    private const long Much = 8 * 1024 * 1024;
    private static readonly TimeSpan _interval = TimeSpan.FromMilliseconds(500);

    private Timer? _timer;
    private long _lastActivity;
    private long _allocatedBefore;

    public void Start() => _timer = new Timer(_ => Check(), state: null, _interval, Timeout.InfiniteTimeSpan);
    public void Dispose() => _timer?.Dispose();

    /// <summary>Whether nothing has happened since the last call, and much was allocated since the last trim.</summary>
    public bool IsDue(long currentActivity, long allocated)
    {
        var isDue = currentActivity == _lastActivity && allocated - _allocatedBefore >= Much;
        (_lastActivity, _allocatedBefore) = (currentActivity, isDue ? allocated : _allocatedBefore);
        return isDue;
    }

    /// <summary>How long to wait after a trim: it takes at most a twentieth of the time, whatever strangers do to bring it about.</summary>
    public static TimeSpan IntervalAfter(TimeSpan trim) => TimeSpan.FromTicks(Math.Max(_interval.Ticks, 20 * trim.Ticks));

    private void Check()
    {
        var started = Stopwatch.GetTimestamp();
        if (IsDue(activity(), GC.GetTotalAllocatedBytes()))
        {
            // Closed connections leave timers to their finalizers, which keep everything else of the connections.
            GC.Collect();
            GC.WaitForPendingFinalizers();
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        }

        _timer!.Change(IntervalAfter(Stopwatch.GetElapsedTime(started)), Timeout.InfiniteTimeSpan);
    }
}
