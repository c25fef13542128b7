using SseListener.Log;

namespace SseListener.Listener;

/// <summary>
/// The listening sockets, one for each address of the host. HttpListener's own accept in a recursion, have a short queue, and answer 404
/// while they open. Each accepted connection is put into the table and the queue.
/// </summary>
internal sealed class ListeningPorts(ListenerOptions options, NewcomerQueue newcomers, ConnectionTable connections, LogWriter log)
    : IDisposable
{
    // How many connections may wait to be accepted: everybody comes back at once when a server has been started again.
    private const int Backlog = 4096;
    private static readonly TimeSpan _pause = TimeSpan.FromMilliseconds(20);

    private readonly List<Socket> _ports = [];
    private volatile bool _isClosed;

    /// <summary>A TCP port of this machine alone that nobody has at the moment. HttpListener cannot choose one itself.</summary>
    public static int FindFree()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    /// <summary>Opens them, and accepts from then on.</summary>
    /// <exception cref="SocketException">The address cannot be had.</exception>
    public void Open()
    {
        var addresses = options.Host switch
        {
            "+" => (IPAddress[])[IPAddress.Any, IPAddress.IPv6Any],
            "localhost" => [IPAddress.Loopback, IPAddress.IPv6Loopback],
            var name => [.. Dns.GetHostAddresses(name.Trim('[', ']')).Distinct()],
        };
        SocketException? missing = null;
        foreach (var address in addresses)
        {
            try
            {
                _ports.Add(Listen(new IPEndPoint(address, options.Port)));
            }
            catch (SocketException e) when (e.SocketErrorCode is SocketError.AddressNotAvailable or SocketError.AddressFamilyNotSupported)
            {
                // Of the addresses of a name, and of the two families, a machine may lack some.
                missing = e;
                log.Debug($"this machine has no address {address}");
            }
        }

        if (missing is not null && _ports.Count == 0)
            throw missing;

        _ports.ForEach(port => new Thread(() => Accept(port)) { Name = "accept", IsBackground = true }.Start());
    }

    public void Dispose()
    {
        _isClosed = true;
        _ports.ForEach(port => port.Dispose());
    }

    private Socket Listen(IPEndPoint at)
    {
        var port = new Socket(at.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            port.Bind(at);
            StreamSocket.LimitUnsent(port, options.SendBuffer);
            port.Listen(Backlog);
            return port;
        }
        catch
        {
            port.Dispose();
            throw;
        }
    }

    // On a thread of its own, which neither a pool that is stuck nor a connection that keeps HttpListener waiting can hold up.
    private void Accept(Socket port)
    {
        while (true)
        {
            try
            {
                Admit(port.Accept());
            }
            catch (Exception e) when (_isClosed && (e is SocketException or ObjectDisposedException))
            {
                return;
            }
            catch (SocketException e) when (e.SocketErrorCode is SocketError.TooManyOpenSockets)
            {
                WaitForDescriptors();
            }
            catch (SocketException e)
            {
                log.Debug($"nobody could be accepted: {e.Message}");
                Thread.Sleep(_pause);
            }
        }
    }

    private void Admit(Socket socket)
    {
        // The system hands out the lowest free number.
        var isShort = Descriptors.Limit - (int)socket.Handle < Descriptors.Reserve;
        try
        {
            var connection = new Connection(socket);
            connections.Add(connection);
            newcomers.WaitForRoom();
            _ = newcomers.AdmitAsync(connection);
        }
        catch (SocketException)
        {
            // It has gone already.
            socket.Dispose();
        }

        if (isShort)
            WaitForDescriptors();
    }

    // Newcomers wait in the kernel meanwhile.
    private void WaitForDescriptors()
    {
        const string Event = "closed for newcomers";
        log.Often(LogLevel.Warning, Event, $"the {Descriptors.Limit} file descriptors are nearly used up: {Event}");
        while (!_isClosed && Descriptors.Room() < Descriptors.Reserve * 5 / 4)
        {
            connections.CutForDescriptors();
            Thread.Sleep(_pause);
        }

        log.Often(LogLevel.Warning, "open for newcomers", "open for newcomers again");
    }
}
