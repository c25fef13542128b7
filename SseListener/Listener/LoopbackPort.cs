namespace SseListener.Listener;

/// <summary>Ports of this machine alone.</summary>
internal static class LoopbackPort
{
    /// <summary>A TCP port that nobody has at the moment. HttpListener cannot choose one itself.</summary>
    public static int FindFree()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }
}
