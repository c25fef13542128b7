using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace SseListener.Http;

/// <summary>
/// The open connections to a port. On Linux they are found by their sockets' descriptors, elsewhere in the operating system's table,
/// which tells less and costs more: with 1,000 clients a reading of it took about 60 ms, and made about 60 MB of garbage.
/// </summary>
internal sealed class OpenConnections(int port)
{
    private readonly Lock _lock = new();
    private readonly HashSet<Connection> _established = [];

    // By descriptor: those found by the last look, and by the one under way. Kept, because new ones would be 1 MB of garbage a second.
    private Dictionary<int, OpenSocket> _known = [];
    private Dictionary<int, OpenSocket> _open = [];

    /// <summary>Those that neither end has closed; good until the next reading. For one thread.</summary>
    /// <exception cref="NetworkInformationException">The operating system does not tell.</exception>
    public IReadOnlySet<Connection> ReadEstablished()
    {
        _established.Clear();
        if (!OperatingSystem.IsLinux())
        {
            // Twice, because the table changes while it is read, and a row may be passed over.
            _established.UnionWith(Listed());
            _established.UnionWith(Listed());
            return _established;
        }

        Visit((connection, open) =>
        {
            if (new TcpInfo(open.Socket).IsEstablished)
            {
                _established.Add(connection);
            }
        });
        return _established;
    }

    /// <summary>Cuts those for which <paramref name="isDue"/> holds. On Linux only.</summary>
    /// <returns>How many were cut.</returns>
    public int Cut(Func<Connection, Socket, bool> isDue)
    {
        var cut = 0;
        Visit((connection, open) =>
        {
            // Its descriptor may have become another's since it was found.
            if (isDue(connection, open.Socket) && open.IsStillOpen)
            {
                // HttpListener's pending read ends with the shutdown, and it closes the socket itself; with a reset, since nobody
                // who goes on sending is to keep a closed connection in the kernel.
                open.Socket.LingerState = new LingerOption(enable: true, seconds: 0);

                // Counted first: HttpListener may close the socket before Shutdown is through, and then that throws, having cut it.
                cut++;
                open.Socket.Shutdown(SocketShutdown.Both);
            }
        });
        return cut;
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
        foreach (var descriptor in Descriptors.InUse())
        {
            if ((_known.TryGetValue(descriptor, out var known) && known.IsStillOpen ? known : OpenSocket.Find(descriptor)) is { } open)
            {
                _open.Add(descriptor, open);
            }
        }

        (_known, _open) = (_open, _known);
        _open.Clear();
    }

    private IEnumerable<Connection> Listed() =>
        from row in IPGlobalProperties.GetIPGlobalProperties().GetActiveTcpConnections()
        where row.State == TcpState.Established && row.LocalEndPoint.Port == port
        select new Connection(row.LocalEndPoint, row.RemoteEndPoint);
}
