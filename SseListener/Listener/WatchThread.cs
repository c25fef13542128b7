using SseListener.Log;

namespace SseListener.Listener;

/// <summary>A thread of its own that looks at something again and again, also when the thread pool is stuck.</summary>
internal sealed class WatchThread : IDisposable
{
    private readonly CancellationTokenSource _stopping = new();
    private readonly Thread _thread;

    /// <summary>Starts it.</summary>
    /// <param name="name">The thread's name.</param>
    /// <param name="shortest">The pause before the first look, and after one that has failed.</param>
    /// <param name="look">Looks, and says how long the pause after it is; given what says that it is to end.</param>
    /// <param name="log">Is told when a look fails.</param>
    public WatchThread(string name, TimeSpan shortest, Func<CancellationToken, TimeSpan> look, LogWriter log)
    {
        _thread = new Thread(() => Run(shortest, look, log)) { Name = name, IsBackground = true };
        _thread.Start();
    }

    /// <summary>Ends it, and waits for its last look.</summary>
    public void Dispose()
    {
        _stopping.Cancel();
        _thread.Join();
        _stopping.Dispose();
    }

    private void Run(TimeSpan shortest, Func<CancellationToken, TimeSpan> look, LogWriter log)
    {
        var pause = shortest;
        while (!_stopping.Token.WaitHandle.WaitOne(pause))
        {
            pause = shortest;
            try
            {
                pause = look(_stopping.Token);
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
