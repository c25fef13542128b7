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
    private Dictionary<int, OpenSocket> _known = [];

    /// <summary>Those that neither end has closed.</summary>
    /// <exception cref="NetworkInformationException">The operating system does not tell.</exception>
    public HashSet<Connection> ReadEstablished()
    {
        if (!OperatingSystem.IsLinux())
        {
            // Twice, because the table changes while it is read, and a row may be passed over.
            return [.. Listed(), .. Listed()];
        }

        var established = new HashSet<Connection>();
        Visit((connection, open) =>
        {
            if (new TcpInfo(open.Socket).IsEstablished)
            {
                established.Add(connection);
            }
        });
        return established;
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
        foreach (var open in LookAlone())
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
    }

    private Dictionary<int, OpenSocket>.ValueCollection LookAlone()
    {
        lock (_lock)
        {
            return Look();
        }
    }

    private Dictionary<int, OpenSocket>.ValueCollection Look()
    {
        // Reaching a socket takes about ten system calls, seeing that it is still the same takes one.
        var open = new Dictionary<int, OpenSocket>(_known.Count);
        foreach (var descriptor in Descriptors.InUse())
        {
            var socket = _known.TryGetValue(descriptor, out var known) && known.IsStillOpen ? known : OpenSocket.Find(descriptor);
            if (socket is not null)
            {
                open.Add(descriptor, socket);
            }
        }

        _known = open;
        return open.Values;
    }

    private IEnumerable<Connection> Listed() =>
        from row in IPGlobalProperties.GetIPGlobalProperties().GetActiveTcpConnections()
        where row.State == TcpState.Established && row.LocalEndPoint.Port == port
        select new Connection(row.LocalEndPoint, row.RemoteEndPoint);
}
