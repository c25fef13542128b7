using System.Net.Sockets;

namespace SseListener.Http;

/// <summary>
/// The listening socket, which HttpListener keeps to itself. On Linux an accepted connection inherits its options, so it is the
/// one place to set those of all connections. Elsewhere nothing is set, and everything works all the same.
/// </summary>
internal sealed class ListeningSocket(int port, TimeSpan writeTimeout, Log log)
{
    // HttpListener asks for 500, and then a burst of connects loses some for a second or more: 8,000 took 8.6 to 10.7 s, and take
    // 1.7 s with this. Never more than a quarter of the descriptors, though: those who wait are accepted all at once.
    private const int LargestBacklog = 4096;

    // TCP_USER_TIMEOUT of linux/tcp.h, in milliseconds.
    private const int TcpLevel = 6;
    private const int UserTimeout = 18;

    private volatile OpenSocket[] _sockets = [];

    /// <summary>
    /// Sets the options: nothing waits for an acknowledgement before it is sent, a connection whose other end has vanished is
    /// found out, and fails once data has been unacknowledged for the write timeout. To be called when the port has been opened.
    /// </summary>
    public void Tune()
    {
        _sockets = [.. Descriptors.InUse().Select(OpenSocket.Find).OfType<OpenSocket>().Where(IsListening)];
        if (_sockets.Length == 0)
        {
            log.Debug("the listening socket cannot be found here, so it is not tuned");
        }

        foreach (var listening in _sockets)
        {
            Tune(listening.Socket);
        }
    }

    /// <summary>How many connections wait to be accepted; 0 also when that cannot be found out.</summary>
    public int Waiting() => _sockets.Where(socket => socket.IsStillOpen).Sum(CountWaiting);

    private void Tune(Socket socket)
    {
        try
        {
            socket.NoDelay = true;
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
            socket.SetRawSocketOption(TcpLevel, UserTimeout, BitConverter.GetBytes((int)Math.Min(writeTimeout.TotalMilliseconds, int.MaxValue)));
            socket.Listen(Math.Min(LargestBacklog, Descriptors.Limit / 4));
        }
        catch (SocketException e)
        {
            log.Debug($"the listening socket cannot be tuned: {e.Message}");
        }
    }

    private bool IsListening(OpenSocket socket)
    {
        try
        {
            return socket.Connection is null
                && socket.Local?.Port == port
                && (int)socket.Socket.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.AcceptConnection)! == 1;
        }
        catch (SocketException)
        {
            // It has been closed this moment.
            return false;
        }
    }

    private static int CountWaiting(OpenSocket socket)
    {
        try
        {
            return new TcpInfo(socket.Socket).Waiting;
        }
        catch (SocketException)
        {
            // It has been closed this moment.
            return 0;
        }
    }
}
