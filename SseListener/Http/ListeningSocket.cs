using System.Net;
using System.Net.Sockets;

namespace SseListener.Http;

/// <summary>The listening socket, which HttpListener keeps to itself, found among the process's descriptors. On Linux only.</summary>
internal sealed class ListeningSocket(int port)
{
    // struct tcp_info of linux/tcp.h: for a listening socket, tcpi_unacked is the number of connections to be accepted.
    private const int TcpLevel = 6;
    private const int TcpInfo = 11;
    private const int UnackedAt = 24;

    private int _descriptor = -1;

    /// <summary>How many connections wait to be accepted; 0 also when that cannot be found out.</summary>
    public int Waiting()
    {
        if (TryRead(_descriptor, out var waiting))
        {
            return waiting;
        }

        // It is new, or another one since the last time.
        _descriptor = -1;
        Descriptors.VisitSockets(socket =>
        {
            if (IsListening(socket))
            {
                _descriptor = (int)socket.Handle;
            }
        });
        return TryRead(_descriptor, out waiting) ? waiting : 0;
    }

    private bool TryRead(int descriptor, out int waiting)
    {
        waiting = 0;
        var isRead = false;
        var found = 0;
        Descriptors.Visit(descriptor, socket =>
        {
            Span<byte> info = stackalloc byte[256];
            isRead = IsListening(socket) && socket.GetRawSocketOption(TcpLevel, TcpInfo, info) >= UnackedAt + sizeof(int);
            found = BitConverter.ToInt32(info[UnackedAt..]);
        });
        waiting = isRead ? found : 0;
        return isRead;
    }

    private bool IsListening(Socket socket) =>
        socket.LocalEndPoint is IPEndPoint local && local.Port == port
        && (int)socket.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.AcceptConnection)! == 1;
}
