using SseListener.Log;

namespace SseListener.Listener;

/// <summary>A thread of its own that looks after connections, also when the thread pool is stuck.</summary>
internal sealed class ConnectionWatch : IThreadPoolWorkItem, IDisposable
{
    private const int ChecksPerSweep = 5;

    private static readonly TimeSpan _pause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan _longestWait = TimeSpan.FromSeconds(3);

    private readonly CancellationTokenSource _stopping = new();
    private readonly ConnectionTable _connections;
    private readonly Action _receiveWaiting;
    private readonly LogWriter _log;
    private readonly Thread _thread;
    private volatile bool _hasRun = true;
    private long _queued;

    /// <summary>Starts the thread. <paramref name="receiveWaiting"/> receives the requests that wait in HttpListener's queue.</summary>
    public ConnectionWatch(ConnectionTable connections, Action receiveWaiting, LogWriter log)
    {
        (_connections, _receiveWaiting, _log) = (connections, receiveWaiting, log);
        _thread = new Thread(Run) { Name = "connection watch", IsBackground = true };
        _thread.Start();
    }

    /// <summary>The piece of work by which the thread sees that the pool gets to its work.</summary>
    public void Execute() => _hasRun = true;

    /// <summary>Ends the thread, and waits for its last check.</summary>
    public void Dispose()
    {
        _stopping.Cancel();
        _thread.Join();
        _stopping.Dispose();
    }

    private void Run()
    {
        for (var check = 0; !_stopping.Token.WaitHandle.WaitOne(_pause); check++)
        {
            try
            {
                Check(check % ChecksPerSweep == 0);
            }
#pragma warning disable CA1031 // An exception here would end the process. The next check may succeed.
            catch (Exception e)
#pragma warning restore CA1031
            {
                _log.Often(LogLevel.Error, "failed check", $"the {_thread.Name} failed: {e}");
            }
        }
    }

    private void Check(bool sweeps)
    {
        _receiveWaiting();
        if (IsPoolStuck())
            _connections.CutForThreads();

        if (sweeps)
            _connections.Sweep();
    }

    private bool IsPoolStuck()
    {
        if (!_hasRun)
            return Stopwatch.GetElapsedTime(_queued) > _longestWait;

        _hasRun = false;
        _queued = Stopwatch.GetTimestamp();
        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        return false;
    }
}
