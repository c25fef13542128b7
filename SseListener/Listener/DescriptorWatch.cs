using SseListener.Log;

namespace SseListener.Listener;

/// <summary>
/// One thread that does nothing but look whether descriptors are short: what else there is to look after may take too long. In a
/// flood of connections the last descriptor was gone before the next look, and the process with it.
/// </summary>
internal sealed class DescriptorWatch : IDisposable
{
    private readonly Listening _listening;
    private readonly IdleConnections _idle;
    private readonly LogWriter _log;
    private readonly WatchThread _thread;

    /// <summary>Starts watching.</summary>
    public DescriptorWatch(Listening listening, IdleConnections idle, LogWriter log)
    {
        _listening = listening;
        _idle = idle;
        _log = log;
        _thread = new WatchThread("descriptor watch", Descriptors.LookAfter(0), _ => Look(), log);
    }

    /// <inheritdoc/>
    public void Dispose() => _thread.Dispose();

    private TimeSpan Look()
    {
        var room = Descriptors.Room();
        if (_listening.CheckDescriptors(room))
        {
            return Descriptors.LookAfter(room);
        }

        // First those who have asked for nothing yet, and only when there are none and it is still so, those who may ask again.
        var (strangers, cut) = _idle.CutStrangers();
        if (strangers == 0 && !_listening.CheckDescriptors(Descriptors.Room()))
        {
            cut = _idle.CutAll();
        }

        if (cut > 0)
        {
            _log.Often(LogLevel.Info, "cut connections", $"cut {cut} connections: there are no file descriptors left");
        }

        return Descriptors.LookAfter(0);
    }
}
