using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;

namespace SseListener.Listener;

/// <summary>
/// A socket of the process, reached by its descriptor: through public API, and without taking it over from its owner, who may
/// close it at any time.
/// </summary>
internal sealed class OpenSocket
{
    // SO_COOKIE of asm-generic/socket.h: a number that is the socket's own, where its descriptor may soon be another's.
    private const int SocketLevel = 1;
    private const int Cookie = 57;

    private readonly ulong _cookie;

    private OpenSocket(Socket socket, ulong cookie)
    {
        Socket = socket;
        _cookie = cookie;
        Local = socket.LocalEndPoint as IPEndPoint;
        Connection = Local is not null && socket.RemoteEndPoint is IPEndPoint remote ? new Connection(Local, remote) : null;
    }

    /// <summary>The socket; disposing it does not close it.</summary>
    public Socket Socket { get; }

    /// <summary>Its own end.</summary>
    public IPEndPoint? Local { get; }

    /// <summary>Both ends, when it is connected.</summary>
    public Connection? Connection { get; }

    /// <summary>Whether the descriptor still is this socket's.</summary>
    public bool IsStillOpen
    {
        get
        {
            try
            {
                return ReadCookie(Socket) == _cookie;
            }
            catch (SocketException)
            {
                return false;
            }
        }
    }

    /// <summary>Whether the descriptor still is this socket's, and neither end has closed the connection.</summary>
    public bool IsEstablished
    {
        get
        {
            try
            {
                return new TcpInfo(Socket).IsEstablished && IsStillOpen;
            }
            catch (SocketException)
            {
                return false;
            }
        }
    }

    /// <summary>
    /// Cuts its connection, unless that is closing already: then its owner closes the descriptor any moment, which may be the next
    /// connection's at once. Cutting the same one again until it was gone did hit the next one (measured).
    /// </summary>
    public bool TryCut()
    {
        if (!IsEstablished)
        {
            return false;
        }

        try
        {
            // HttpListener's pending read ends with the shutdown, and it closes the socket itself; with a reset, since nobody who goes
            // on sending is to keep a closed connection in the kernel.
            Socket.LingerState = new LingerOption(enable: true, seconds: 0);
            Socket.Shutdown(SocketShutdown.Both);
        }
        catch (SocketException)
        {
            // HttpListener may close the socket before Shutdown is through, and then that throws, having cut it.
        }

        return true;
    }

    /// <summary>Finds the socket behind a descriptor; null when there is none.</summary>
    public static OpenSocket? Find(int descriptor)
    {
        try
        {
            if (!Descriptors.IsSocket(descriptor))
            {
                return null;
            }

            // The descriptor may be closed, and become another's, at any moment: only what was read between two equal cookies is known
            // to be of one socket, and the constructor reads most of it.
            using var first = Wrap(descriptor);
            var cookie = ReadCookie(first);
            var found = new OpenSocket(Wrap(descriptor), cookie);
            return found.IsStillOpen ? found : null;
        }
        catch (Exception e) when (e is SocketException or IOException or ObjectDisposedException or NotSupportedException or ArgumentException or UnauthorizedAccessException)
        {
            // It is of a kind that .NET does not know, or has been closed meanwhile.
            return null;
        }
    }

    [SuppressMessage("Reliability", "CA2000:Dispose objects before losing scope", Justification = "It owns nothing.")]
    private static Socket Wrap(int descriptor) => new(new SafeSocketHandle(descriptor, ownsHandle: false));

    private static ulong ReadCookie(Socket socket)
    {
        Span<byte> cookie = stackalloc byte[sizeof(ulong)];
        socket.GetRawSocketOption(SocketLevel, Cookie, cookie);
        return BitConverter.ToUInt64(cookie);
    }
}
