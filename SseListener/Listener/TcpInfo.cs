using System.Net.Sockets;

namespace SseListener.Listener;

/// <summary>What Linux tells of a TCP socket: parts of struct tcp_info of linux/tcp.h.</summary>
internal readonly struct TcpInfo
{
    private const int TcpLevel = 6;
    private const int Option = 11;
    private const int UserTimeout = 18;
    private const int NotSentLowAt = 25;
    private const int Established = 1;
    private const int UnackedAt = 24;
    private const int BytesAckedAt = 120;
    private const int BytesReceivedAt = 128;

    /// <summary>Reads it.</summary>
    /// <exception cref="SocketException">It is no TCP socket, or has been closed.</exception>
    public TcpInfo(Socket socket)
    {
        Span<byte> info = stackalloc byte[256];
        socket.GetRawSocketOption(TcpLevel, Option, info);
        IsEstablished = info[0] == Established;
        Waiting = BitConverter.ToInt32(info[UnackedAt..]);
        BytesAcked = BitConverter.ToInt64(info[BytesAckedAt..]);
        BytesReceived = BitConverter.ToInt64(info[BytesReceivedAt..]);
    }

    /// <summary>Whether neither end has closed the connection.</summary>
    public bool IsEstablished { get; }

    /// <summary>Of a listening socket: how many connections wait to be accepted.</summary>
    public int Waiting { get; }

    /// <summary>Bytes that were sent and have arrived; 0 on kernels that do not count them.</summary>
    public long BytesAcked { get; }

    /// <summary>Bytes that were received; 0 on kernels that do not count them.</summary>
    public long BytesReceived { get; }

    /// <summary>Sets how long data may stay unacknowledged before the kernel gives a connection up (TCP_USER_TIMEOUT).</summary>
    public static void SetUserTimeout(Socket socket, TimeSpan timeout) =>
        socket.SetRawSocketOption(TcpLevel, UserTimeout, BitConverter.GetBytes((int)Math.Min(timeout.TotalMilliseconds, int.MaxValue)));

    /// <summary>
    /// Bounds the bytes that the kernel holds because the other end has no room for them (TCP_NOTSENT_LOWAT); a send that does not block
    /// keeps to it as well. What is on its way is not counted, so a long line stays as fast as it is. A fixed SO_SNDBUF counts that too:
    /// at a round trip of 50 ms a client then got 10 MB/s, and gets 70.
    /// </summary>
    public static void SetUnsentLimit(Socket socket, int bytes) =>
        socket.SetRawSocketOption(TcpLevel, NotSentLowAt, BitConverter.GetBytes(bytes));

    /// <summary>How many bytes the other end has taken; 0 where that cannot be found out.</summary>
    public static long TakenBy(Socket socket)
    {
        try
        {
            return OperatingSystem.IsLinux() ? new TcpInfo(socket).BytesAcked : 0;
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            return 0;
        }
    }
}
