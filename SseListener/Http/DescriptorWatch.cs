namespace SseListener.Http;

/// <summary>
/// One thread that does nothing but look whether descriptors are short: what else there is to look after may take too long. In a
/// flood of connections the last descriptor was gone before the next look, and the process with it.
/// </summary>
internal sealed class DescriptorWatch : IDisposable
{
    private readonly ManualResetEventSlim _stopping = new();
    private readonly Listening _listening;
    private readonly IdleConnections _idle;
    private readonly Log _log;
    private readonly Thread _thread;

    /// <summary>Starts watching.</summary>
    public DescriptorWatch(Listening listening, IdleConnections idle, Log log)
    {
        _listening = listening;
        _idle = idle;
        _log = log;
        _thread = new Thread(Run) { Name = "descriptor watch", IsBackground = true };
        _thread.Start();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _stopping.Set();
        _thread.Join();
        _stopping.Dispose();
    }

    private void Run()
    {
        while (!_stopping.Wait(Descriptors.LookEvery))
        {
            if (!_listening.CheckDescriptors())
            {
                _log.Info($"cut {_idle.CutAll()} connections: there are no file descriptors left");
            }
        }
    }
}
