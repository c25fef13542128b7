using SseListener.Log;

namespace SseListener.Listener;

/// <summary>
/// All open connections, and the rules by which those without a request are cut. A thread of its own sees to that, also when the thread
/// pool is stuck. Any thread may use it.
/// </summary>
internal sealed class ConnectionTable(TimeSpan idleTimeout, LogWriter log) : IDisposable
{
    // Milliseconds. The request of one who has just been accepted may be on its way.
    private const double Grace = 100;
    private const int ChecksPerSweep = 5;
    private static readonly TimeSpan _pause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan _longestWait = TimeSpan.FromSeconds(3);

    private readonly Lock _lock = new();
    private readonly List<Connection> _connections = [];
    private readonly CancellationTokenSource _closing = new();
    private Thread? _watch;
    private volatile bool _poolHasRun = true;
    private long _queued;

    /// <summary>Begins to look after connections, and to receive what waits in HttpListener's queue.</summary>
    public void Start(Action receiveWaiting)
    {
        _watch = new Thread(() => Watch(receiveWaiting)) { Name = "connection watch", IsBackground = true };
        _watch.Start();
    }

    /// <summary>Adds a connection, which stays until a sweep finds that it has ended.</summary>
    public void Add(Connection connection)
    {
        lock (_lock)
        {
            _connections.Add(connection);
            if (_closing.IsCancellationRequested)
                connection.Cut(resets: false);
        }
    }

    /// <summary>Makes room: of those without a request under way, first the ones that have asked for nothing yet.</summary>
    public void CutForDescriptors()
    {
        var areStrangers = FindOpen(connection => connection.IsStranger).Count > 0;
        Cut("there are no file descriptors left", connection => connection.IsStranger == areStrangers && connection.IsIdleFor(Grace));
    }

    /// <summary>Ends the thread and all connections, also those that come later.</summary>
    public void Dispose()
    {
        _closing.Cancel();
        _watch?.Join();
        lock (_lock)
            _connections.ForEach(connection => connection.Cut(resets: false));

        _closing.Dispose();
    }

    private void Watch(Action receiveWaiting)
    {
        for (var check = 0; !_closing.Token.WaitHandle.WaitOne(_pause); check++)
        {
            try
            {
                receiveWaiting();

                // HttpListener may wait on threads of the pool for the rest of bodies that it has refused by itself.
                if (IsPoolStuck())
                    Cut("the thread pool is stuck", connection => connection.IsIdle);

                if (check % ChecksPerSweep == 0)
                    Sweep();
            }
#pragma warning disable CA1031 // An exception here would end the process. The next check may succeed.
            catch (Exception e)
#pragma warning restore CA1031
            {
                log.Often(LogLevel.Error, "failed check", $"the connection watch failed: {e}");
            }
        }
    }

    // The pool is stuck when it has not got to a piece of work for long.
    private bool IsPoolStuck()
    {
        if (!_poolHasRun)
            return Stopwatch.GetElapsedTime(_queued) > _longestWait;

        (_poolHasRun, _queued) = (false, Stopwatch.GetTimestamp());
        ThreadPool.UnsafeQueueUserWorkItem(static table => table._poolHasRun = true, this, preferLocal: false);
        return false;
    }

    // Removes those that have ended, and cuts those that have waited too long for a request.
    private void Sweep()
    {
        int endless;
        lock (_lock)
        {
            endless = _connections.Count(connection => connection.IsClosed && connection.IsTooLong && connection.IsIdle);
            _connections.RemoveAll(connection => connection.IsClosed);
        }

        Report(endless, "sent a header without end");
        Cut("no request for longer than the idle timeout", connection => connection.IsIdleFor(idleTimeout.TotalMilliseconds));
    }

    private List<Connection> FindOpen(Predicate<Connection> isMeant)
    {
        lock (_lock)
            return _connections.FindAll(connection => !connection.IsClosed && isMeant(connection));
    }

    private void Cut(string why, Predicate<Connection> isDue)
    {
        // With a reset: one who goes on sending must not keep a closed connection in the kernel.
        var due = FindOpen(isDue);
        due.ForEach(connection => connection.Cut(resets: true));
        Report(due.Count, why);
    }

    private void Report(int cut, string why)
    {
        if (cut > 0)
            log.Often(LogLevel.Info, "cut connections", $"cut {cut} connections: {why}");
    }
}
