using SseListener.Log;

namespace SseListener.Listener;

/// <summary>All open connections, and the rules by which those without a request are cut. Any thread may use it.</summary>
internal sealed class ConnectionTable(TimeSpan idleTimeout, LogWriter log)
{
    // Milliseconds. The request of one who has just been accepted may be on its way.
    private const double Grace = 100;

    private readonly Lock _lock = new();
    private readonly List<Connection> _connections = [];
    private bool _isClosed;

    /// <summary>Adds a connection, which stays until a sweep finds that it has ended.</summary>
    public void Add(Connection connection)
    {
        lock (_lock)
        {
            _connections.Add(connection);
            if (_isClosed)
                connection.Cut(resets: false);
        }
    }

    /// <summary>Removes those that have ended, and cuts those that have waited too long for a request.</summary>
    public void Sweep()
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

    /// <summary>Makes room: of those without a request under way, first the ones that have asked for nothing yet.</summary>
    public void CutForDescriptors()
    {
        const string Why = "there are no file descriptors left";
        if (Cut(Why, connection => connection.IsStranger && connection.IsIdleFor(Grace)) == 0 && !HasStrangers())
            Cut(Why, connection => connection.IsIdleFor(Grace));
    }

    /// <summary>Frees threads of the pool: HttpListener may wait on one for the rest of a body that it has refused by itself.</summary>
    public void CutForThreads() => Cut("the thread pool is stuck", connection => connection.IsIdle);

    /// <summary>Ends all, also those that come later.</summary>
    public void Close()
    {
        lock (_lock)
        {
            _isClosed = true;
            _connections.ForEach(connection => connection.Cut(resets: false));
        }
    }

    private bool HasStrangers()
    {
        lock (_lock)
            return _connections.Exists(connection => connection is { IsClosed: false, IsStranger: true });
    }

    private int Cut(string why, Predicate<Connection> isDue)
    {
        List<Connection> due;
        lock (_lock)
            due = _connections.FindAll(connection => !connection.IsClosed && isDue(connection));

        // With a reset: one who goes on sending must not keep a closed connection in the kernel.
        due.ForEach(connection => connection.Cut(resets: true));
        Report(due.Count, why);
        return due.Count;
    }

    private void Report(int cut, string why)
    {
        if (cut > 0)
            log.Often(LogLevel.Info, "cut connections", $"cut {cut} connections: {why}");
    }
}
