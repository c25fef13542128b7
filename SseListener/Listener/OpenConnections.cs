using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace SseListener.Listener;

/// <summary>
/// The open connections to a port. On Linux they are found by their sockets' descriptors, elsewhere in the operating system's table,
/// which tells less and costs more: with 1,000 clients a reading of it took about 60 ms, and made about 60 MB of garbage.
/// </summary>
internal sealed class OpenConnections(int port)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<Connection, OpenSocket?> _established = [];

    // By descriptor: those found by the last look, and by the one under way. Kept, because new ones would be 1 MB of garbage a second.
    private Dictionary<int, OpenSocket> _known = [];
    private Dictionary<int, OpenSocket> _open = [];

    /// <summary>
    /// Those that neither end has closed, on Linux with their sockets; good until the next reading. For one thread. It costs 8 to 9 us
    /// for each.
    /// </summary>
    /// <exception cref="NetworkInformationException">The operating system does not tell.</exception>
    public IReadOnlyDictionary<Connection, OpenSocket?> ReadEstablished()
    {
        _established.Clear();
        if (!OperatingSystem.IsLinux())
        {
            // Twice, because the table changes while it is read, and a row may be passed over.
            foreach (var connection in Listed().Concat(Listed()))
            {
                _established[connection] = null;
            }

            return _established;
        }

        Visit((connection, open) =>
        {
            if (new TcpInfo(open.Socket).IsEstablished)
            {
                _established[connection] = open;
            }
        });
        return _established;
    }

    /// <summary>Cuts those for which <paramref name="isDue"/> holds. On Linux only.</summary>
    /// <returns>How many were due, and how many of them were cut; the others are closing already.</returns>
    public (int Due, int Cut) Cut(Func<Connection, Socket, bool> isDue)
    {
        var (due, cut) = (0, 0);
        Visit((connection, open) =>
        {
            if (isDue(connection, open.Socket))
            {
                due++;
                cut += open.TryCut() ? 1 : 0;
            }
        });
        return (due, cut);
    }

    private void Visit(Action<Connection, OpenSocket> visit)
    {
        lock (_lock)
        {
            Look();
            foreach (var open in _known.Values)
            {
                TryVisit(open, visit);
            }
        }
    }

    private void TryVisit(OpenSocket open, Action<Connection, OpenSocket> visit)
    {
        try
        {
            if (open.Connection is { } connection && connection.Local.Port == port)
            {
                visit(connection, open);
            }
        }
        catch (SocketException)
        {
            // It has been closed since.
        }
    }

    // Reaching a socket takes about ten system calls, seeing that it is still the same takes one.
    private void Look()
    {
        _open.Clear();
        foreach (var descriptor in Descriptors.InUse())
        {
            if ((_known.TryGetValue(descriptor, out var known) && known.IsStillOpen ? known : OpenSocket.Find(descriptor)) is { } open)
            {
                _open.Add(descriptor, open);
            }
        }

        (_known, _open) = (_open, _known);
    }

    private IEnumerable<Connection> Listed() =>
        from row in IPGlobalProperties.GetIPGlobalProperties().GetActiveTcpConnections()
        where row.State == TcpState.Established && row.LocalEndPoint.Port == port
        select new Connection(row.LocalEndPoint, row.RemoteEndPoint);
}
