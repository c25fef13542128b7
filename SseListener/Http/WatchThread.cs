namespace SseListener.Http;

/// <summary>A thread of its own that looks at something again and again, also when the thread pool is stuck.</summary>
internal sealed class WatchThread : IDisposable
{
    private readonly CancellationTokenSource _stopping = new();
    private readonly Thread _thread;

    /// <summary>Starts it.</summary>
    /// <param name="name">The thread's name.</param>
    /// <param name="pause">How long to wait, asked before each look.</param>
    /// <param name="look">Looks; given what says that it is to end.</param>
    /// <param name="log">Is told when a look fails.</param>
    public WatchThread(string name, Func<TimeSpan> pause, Action<CancellationToken> look, Log log)
    {
        _thread = new Thread(() => Run(pause, look, log)) { Name = name, IsBackground = true };
        _thread.Start();
    }

    /// <summary>Ends it, and waits for its last look.</summary>
    public void Dispose()
    {
        _stopping.Cancel();
        _thread.Join();
        _stopping.Dispose();
    }

    private void Run(Func<TimeSpan> pause, Action<CancellationToken> look, Log log)
    {
        while (!_stopping.Token.WaitHandle.WaitOne(pause()))
        {
            try
            {
                look(_stopping.Token);
            }
#pragma warning disable CA1031 // Where descriptors are short, nearly every call may fail, and in ways of its own. The next look may not.
            catch (Exception e)
#pragma warning restore CA1031
            {
                log.Often(LogLevel.Error, "failed look", $"the {Thread.CurrentThread.Name} failed: {e}");
            }
        }
    }
}
