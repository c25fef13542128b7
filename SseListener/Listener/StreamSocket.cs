namespace SseListener.Listener;

/// <summary>What is asked of the socket of a stream, by options of linux/tcp.h that .NET has no names for.</summary>
internal static class StreamSocket
{
    private const int TcpLevel = 6;
    private const int Info = 11;
    private const int UserTimeout = 18;
    private const int UnsentLimit = 25;
    private const int BytesAckedAt = 120;

    /// <summary>For a stream: no write is delayed or blocks, and after the timeout without an acknowledgement the kernel ends it.</summary>
    public static void Prepare(Socket socket, TimeSpan writeTimeout)
    {
        socket.Blocking = false;
        socket.NoDelay = true;
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
        if (OperatingSystem.IsLinux())
        {
            var milliseconds = (int)Math.Min(writeTimeout.TotalMilliseconds, int.MaxValue);
            socket.SetRawSocketOption(TcpLevel, UserTimeout, BitConverter.GetBytes(milliseconds));
        }
    }

    /// <summary>
    /// Bounds the bytes that the kernel holds because the other end has no room for them (TCP_NOTSENT_LOWAT), for the connections of a
    /// listening socket. What is on its way is not counted, so a long line stays fast; SO_SNDBUF would count it.
    /// </summary>
    public static void LimitUnsent(Socket listening, int bytes)
    {
        if (OperatingSystem.IsLinux())
            listening.SetRawSocketOption(TcpLevel, UnsentLimit, BitConverter.GetBytes(bytes));
    }

    /// <summary>How many bytes the other end has acknowledged (tcpi_bytes_acked); 0 where that cannot be found out.</summary>
    public static long AcknowledgedBy(Socket socket)
    {
        try
        {
            Span<byte> info = stackalloc byte[256];
            return OperatingSystem.IsLinux() && socket.GetRawSocketOption(TcpLevel, Info, info) > BytesAckedAt
                ? BitConverter.ToInt64(info[BytesAckedAt..]) : 0;
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            return 0;
        }
    }
}
