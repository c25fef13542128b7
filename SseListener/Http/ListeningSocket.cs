using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace SseListener.Http;

/// <summary>
/// The listening socket, which HttpListener keeps to itself. On Linux an accepted connection inherits its options, so it is the
/// one place to set those of all connections. Elsewhere nothing is set, and everything works all the same.
/// </summary>
internal sealed class ListeningSocket(int port, TimeSpan writeTimeout, Log log)
{
    // HttpListener asks for 500, and then a burst of connects loses some for a second or more: 8,000 took 8.6 to 10.7 s, and take
    // 1.7 s with this. Where there are few descriptors it is half of those that are kept free, for those who wait are accepted at once.
    private const int LargestBacklog = 4096;
    private static readonly int _backlog = Descriptors.Limit >= 4 * LargestBacklog ? LargestBacklog : Descriptors.Limit / 8;

    // TCP_USER_TIMEOUT of linux/tcp.h, in milliseconds.
    private const int TcpLevel = 6;
    private const int UserTimeout = 18;

    // SO_ATTACH_FILTER and SO_DETACH_FILTER of asm-generic/socket.h.
    private const int SocketLevel = 1;
    private const int AttachFilter = 26;
    private const int DetachFilter = 27;

    // struct sock_filter of linux/filter.h: the one instruction BPF_RET with 0, so no byte of a packet is kept.
    private static readonly byte[] _dropAll = PinnedCopy([6, 0, 0, 0, 0, 0, 0, 0]);

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

    /// <summary>
    /// Has the kernel drop what newcomers send, who try again after a second. It is done at once, and takes no descriptor.
    /// </summary>
    public void Mute()
    {
        // struct sock_fprog: how many instructions there are, and where.
        Span<byte> program = stackalloc byte[2 * IntPtr.Size];
        program.Clear();
        program[0] = 1;
        BitConverter.TryWriteBytes(program[IntPtr.Size..], Marshal.UnsafeAddrOfPinnedArrayElement(_dropAll, 0));
        SetFilter(AttachFilter, program);
    }

    /// <summary>Lets newcomers in again.</summary>
    public void Unmute() => SetFilter(DetachFilter, stackalloc byte[sizeof(int)]);

    /// <summary>How many connections wait to be accepted; 0 also when that cannot be found out.</summary>
    public int Waiting() => _sockets.Where(socket => socket.IsStillOpen).Sum(CountWaiting);

    private void Tune(Socket socket)
    {
        try
        {
            socket.NoDelay = true;
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
            socket.SetRawSocketOption(TcpLevel, UserTimeout, BitConverter.GetBytes((int)Math.Min(writeTimeout.TotalMilliseconds, int.MaxValue)));
            socket.Listen(_backlog);
        }
        catch (SocketException e)
        {
            log.Debug($"the listening socket cannot be tuned: {e.Message}");
        }
    }

    // No LINQ: where there are no descriptors, nothing can be loaded.
    private void SetFilter(int option, ReadOnlySpan<byte> value)
    {
        foreach (var listening in _sockets)
        {
            try
            {
                if (listening.IsStillOpen)
                {
                    listening.Socket.SetRawSocketOption(SocketLevel, option, value);
                }
            }
            catch (SocketException e)
            {
                log.Debug($"newcomers cannot be kept away, or let in again: {e.Message}");
            }
        }
    }

    private static byte[] PinnedCopy(ReadOnlySpan<byte> bytes)
    {
        var copy = GC.AllocateArray<byte>(bytes.Length, pinned: true);
        bytes.CopyTo(copy);
        return copy;
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
