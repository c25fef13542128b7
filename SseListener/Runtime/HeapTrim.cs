namespace SseListener.Runtime;

/// <summary>
/// Compacts the heap and gives memory back in quiet moments. The runtime does so when it has to, which may be in the middle of a burst,
/// and nothing else happens meanwhile. 8,000 clients take 18 to 27 KB each before, and 14.5 KB after.
/// </summary>
internal sealed class HeapTrim : IDisposable
{
    // Bytes. Of less than this there is little to give back.
    private const long Much = 8 * 1024 * 1024;

    private const int QuietLooks = 4;

    // At most a two-hundredth of the time, whatever strangers do to bring it about.
    private const int PauseFactor = 200;

    private static readonly TimeSpan _lookEvery = TimeSpan.FromMilliseconds(250);

    private readonly Func<long> _activity;
    private readonly Func<long> _allocated;
    private readonly Action _collect;
    private readonly TimeProvider _time;
    private readonly ITimer _timer;
    private long _lastActivity;
    private long _allocatedAtTrim;
    private int _quietLooks;
    private long _next;

    /// <summary>Looks four times a second from <see cref="Start"/> on.</summary>
    /// <param name="activity">A number that does not stay as it is while there is something to do.</param>
    /// <param name="allocated">Bytes that have been allocated since the program began.</param>
    /// <param name="collect">Collects garbage.</param>
    /// <param name="time">Tells when to look, and how long a collection takes.</param>
    public HeapTrim(Func<long> activity, Func<long> allocated, Action collect, TimeProvider time)
    {
        _activity = activity;
        _allocated = allocated;
        _collect = collect;
        _time = time;
        _timer = time.CreateTimer(_ => Look(), state: null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>One of this process.</summary>
    public HeapTrim(Func<long> activity)
        : this(activity, () => GC.GetTotalAllocatedBytes(), CollectGarbage, TimeProvider.System)
    {
    }

    /// <summary>Starts looking.</summary>
    public void Start() => _timer.Change(_lookEvery, _lookEvery);

    /// <inheritdoc/>
    public void Dispose() => _timer.Dispose();

    private void Look()
    {
        var activity = _activity();
        _quietLooks = activity == _lastActivity ? _quietLooks + 1 : 0;
        _lastActivity = activity;
        var started = _time.GetTimestamp();
        if (_quietLooks < QuietLooks || started < _next || _allocated() - _allocatedAtTrim < Much)
        {
            return;
        }

        _collect();
        var ended = _time.GetTimestamp();
        _next = ended + ((ended - started) * PauseFactor);
        _allocatedAtTrim = _allocated();
    }

    private static void CollectGarbage()
    {
        // Closed connections leave timers to their finalizers, and these keep all else of the connections.
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
    }
}
