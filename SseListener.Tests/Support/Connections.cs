using System.Net;
using System.Net.Sockets;
using SseListener.Listener;

namespace SseListener.Tests.Support;

/// <summary>TCP connections within this process, without a server; both their ends are closed in the end.</summary>
internal sealed class Connections : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly List<Socket> _sockets = [];

    public Connections()
    {
        _listener.Start();
        Open = new OpenConnections(((IPEndPoint)_listener.LocalEndpoint).Port);
    }

    /// <summary>Those that are open, as the server sees its own.</summary>
    public OpenConnections Open { get; }

    /// <summary>By its two ends.</summary>
    public static Connection Of(Socket ours) => new((IPEndPoint)ours.LocalEndPoint!, (IPEndPoint)ours.RemoteEndPoint!);

    public (Socket Theirs, Socket Ours) Connect() => (BeginConnect(), Accept());

    public Socket BeginConnect()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        _sockets.Add(socket);
        socket.Connect(_listener.LocalEndpoint);
        return socket;
    }

    public Socket Accept()
    {
        var socket = _listener.AcceptSocket();
        _sockets.Add(socket);
        return socket;
    }

    public void Dispose()
    {
        _sockets.ForEach(socket => socket.Dispose());
        _listener.Dispose();
    }
}
