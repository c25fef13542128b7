using System.Net.Sockets;
using System.Runtime.InteropServices;
using SseListener.Log;

namespace SseListener.Listener;

/// <summary>
/// The listening socket, which HttpListener keeps to itself: its queue of newcomers, and keeping them away. On Linux only; elsewhere
/// nothing is set, and everything works all the same.
/// </summary>
internal sealed class ListeningSocket(int port, int sendBuffer, LogWriter log)
{
    // HttpListener asks for 500, and then a burst of connects loses some for a second or more: 8,000 took 8.6 to 10.7 s, and take
    // 1.7 s with this. But those who wait may all be accepted between two looks at the descriptors: where these would not last, it is
    // half of those that are kept free.
    private const int LargestBacklog = 4096;

    // SO_ATTACH_FILTER and SO_DETACH_FILTER of asm-generic/socket.h.
    private const int SocketLevel = 1;
    private const int AttachFilter = 26;
    private const int DetachFilter = 27;

    // struct sock_filter of linux/filter.h: the one instruction BPF_RET with 0, so no byte of a packet is kept; and struct sock_fprog: how
    // many instructions there are, and where.
    private static readonly byte[] _dropAll = PinnedCopy([6, 0, 0, 0, 0, 0, 0, 0]);
    private static readonly byte[] _program = ProgramOf(_dropAll);
    private static readonly byte[] _none = new byte[sizeof(int)];

    private volatile OpenSocket[] _sockets = [];
    private volatile int _backlog = BacklogFor(Descriptors.Room());

    /// <summary>Finds the socket, and sets how many connections may wait to be accepted. To be called when the port has been opened.</summary>
    public void Tune()
    {
        _sockets = [.. Descriptors.InUse().Select(OpenSocket.Find).OfType<OpenSocket>().Where(IsListening)];
        if (_sockets.Length == 0)
        {
            log.Debug("the listening socket cannot be found here, so it is not tuned");
        }

        ForEach(socket => socket.Listen(_backlog));

        // Connections inherit it.
        ForEach(socket => TcpInfo.SetUnsentLimit(socket, sendBuffer));
    }

    /// <summary>Sets how many connections may wait to be accepted.</summary>
    /// <param name="room">How many descriptors there are left.</param>
    public void SetBacklog(int room)
    {
        var backlog = BacklogFor(room);
        if (backlog != _backlog)
        {
            _backlog = backlog;
            ForEach(socket => socket.Listen(backlog));
        }
    }

    /// <summary>
    /// Has the kernel drop what newcomers send, who try again after 1, 3, 7 s. It is done at once, and takes no descriptor.
    /// </summary>
    public void Mute() => ForEach(socket => socket.SetRawSocketOption(SocketLevel, AttachFilter, _program));

    /// <summary>Lets newcomers in again.</summary>
    public void Unmute() => ForEach(socket => socket.SetRawSocketOption(SocketLevel, DetachFilter, _none));

    /// <summary>How many connections wait to be accepted; 0 also when that cannot be found out.</summary>
    public int Waiting() => _sockets.Where(socket => socket.IsStillOpen).Sum(CountWaiting);

    // No LINQ: where there are no descriptors, nothing can be loaded.
    private void ForEach(Action<Socket> set)
    {
        foreach (var listening in _sockets)
        {
            try
            {
                if (listening.IsStillOpen)
                {
                    set(listening.Socket);
                }
            }
            catch (SocketException e)
            {
                log.Debug($"the listening socket cannot be set: {e.Message}");
            }
        }
    }

    private static int BacklogFor(int room) =>
        room > LargestBacklog + Descriptors.Reserve ? LargestBacklog : Descriptors.Reserve / 2;

    private static byte[] PinnedCopy(ReadOnlySpan<byte> bytes)
    {
        var copy = GC.AllocateArray<byte>(bytes.Length, pinned: true);
        bytes.CopyTo(copy);
        return copy;
    }

    private static byte[] ProgramOf(byte[] instruction)
    {
        var program = new byte[2 * IntPtr.Size];
        program[0] = 1;
        MemoryMarshal.Write(program.AsSpan(IntPtr.Size), Marshal.UnsafeAddrOfPinnedArrayElement(instruction, 0));
        return program;
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
