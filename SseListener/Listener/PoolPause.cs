namespace SseListener.Listener;

/// <summary>
/// For as long as it lasts, the thread pool runs nothing else: not what HttpListener does with connections. To be held for moments,
/// and given up on the thread that took it.
/// </summary>
internal sealed class PoolPause : IDisposable
{
    private static readonly Lock _lock = new();

    private readonly object _end = new();
    private readonly int _most;
    private readonly int _mostForIO;
    private int _waiting;
    private bool _isOver;

    /// <summary>How long its beginning may take: a pool that is stuck is not waited for. For tests to change.</summary>
    public static TimeSpan Limit { get; set; } = TimeSpan.FromMilliseconds(200);

    /// <summary>Begins it: there may be no more threads than the fewest, and those wait for its end.</summary>
    public PoolPause()
    {
        _lock.Enter();
        ThreadPool.GetMaxThreads(out _most, out _mostForIO);
        ThreadPool.GetMinThreads(out var count, out _);
        ThreadPool.SetMaxThreads(count, _mostForIO);
        count -= Thread.CurrentThread.IsThreadPoolThread ? 1 : 0;
        for (var i = 0; i < count; i++)
        {
            ThreadPool.UnsafeQueueUserWorkItem(static pause => pause.Hold(), this, preferLocal: false);
        }

        SpinWait.SpinUntil(() => Volatile.Read(ref _waiting) == count, Limit);
    }

    /// <summary>Ends it.</summary>
    public void Dispose()
    {
        lock (_end)
        {
            _isOver = true;
            Monitor.PulseAll(_end);
        }

        ThreadPool.SetMaxThreads(_most, _mostForIO);
        _lock.Exit();
    }

    private void Hold()
    {
        Interlocked.Increment(ref _waiting);
        lock (_end)
        {
            while (!_isOver)
            {
                // Not for a task: the pool would take that for work that is stuck, and change its size.
                Monitor.Wait(_end);
            }
        }
    }
}
