using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;

namespace SseListener.Listener;

/// <summary>
/// The socket and the stream behind a request, and the ports. HttpListener keeps them to itself. It sends each chunk of an answer in three
/// pieces, two of them while the caller waits, and reads chunked bodies in a recursion (<see cref="ChunkedBody"/>). It knows no IPv6.
/// This is the one file that depends on private names of the framework. Another platform or version may not have them: then streams go
/// through <see cref="HttpListenerResponse.OutputStream"/>, and chunked bodies are refused.
/// </summary>
internal static class ConnectionSocket
{
    private const string HttpConnection = "System.Net.HttpConnection, System.Net.HttpListener";
    private const string EndPointListener = "System.Net.HttpEndPointListener, System.Net.HttpListener";
    private const string ListenerPrefix = "System.Net.ListenerPrefix, System.Net.HttpListener";

    /// <summary>Whether the names are there.</summary>
    public static bool IsKnown { get; } = AreNamesKnown();

    /// <summary>The socket that a request came in on; it stays HttpListener's. Null when it cannot be reached.</summary>
    public static Socket? Of(HttpListenerContext context) =>
        IsKnown && StreamOf(ConnectionOf(context)) is NetworkStream stream ? stream.Socket : null;

    /// <summary>Has HttpListener read the rest of a request through another stream.</summary>
    /// <param name="context">The request, whose body has not been touched.</param>
    /// <param name="replace">Makes the other stream, given the connection's own.</param>
    public static TStream? ReplaceStream<TStream>(HttpListenerContext context, Func<Stream, TStream> replace)
        where TStream : Stream
    {
        if (!IsKnown)
        {
            return null;
        }

        ref var stream = ref StreamOf(ConnectionOf(context));
        var other = replace(stream);
        stream = other;
        return other;
    }

    /// <summary>Gives a connection its own stream back.</summary>
    public static void RestoreStream(HttpListenerContext context, Stream own) => StreamOf(ConnectionOf(context)) = own;

    /// <summary>
    /// Opens a port whose requests go to a listener, whatever host they are for. HttpListener answers by itself to hosts that are none of
    /// its prefixes: with 404, and then with 200 to the connection's next request, which a proxy takes for its answer.
    /// </summary>
    /// <returns>What <see cref="ClosePort"/> takes.</returns>
    public static object OpenPort(HttpListener listener, IPEndPoint at)
    {
        var port = Listen(listener, at.Address, at.Port, secure: false);
        AddPrefix(port, NewPrefix($"http://+:{at.Port}/"), listener);
        return port;
    }

    /// <summary>Closes it, and those of its connections that have brought no request.</summary>
    public static void ClosePort(object port) => Close(port);

    /// <summary>Has HttpListener let go of a request that it has answered by itself, and of its connection, which it has closed.</summary>
    public static void Forget(HttpListenerContext context)
    {
        var connection = ConnectionOf(context);
        Unbind(connection);
        RemoveConnection(connection);
    }

    /// <summary>A request that HttpListener has read and nobody has taken yet; null when there is none.</summary>
    public static HttpListenerContext? NextOf(HttpListener listener) => GetContextFromQueue(listener);

    /// <summary>Sets a socket up for a stream: nothing waits for an acknowledgement before it is sent, and no send waits at all.</summary>
    /// <param name="socket">The socket.</param>
    /// <param name="writeTimeout">How long data may stay unacknowledged before the kernel gives the connection up.</param>
    /// <param name="sendBuffer">Bytes that the kernel holds because the other end has no room for them.</param>
    public static void PrepareForStream(Socket socket, TimeSpan writeTimeout, int sendBuffer)
    {
        socket.Blocking = false;
        socket.NoDelay = true;
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
        if (OperatingSystem.IsLinux())
        {
            TcpInfo.SetUserTimeout(socket, writeTimeout);

            // The listening socket's connections have it already, unless they came before that had it.
            TcpInfo.SetUnsentLimit(socket, sendBuffer);
        }
    }

    // The first call of each finds out, whatever it is called with: with nothing, it finds nothing or no name.
    private static bool AreNamesKnown() => IsFound(() => ConnectionOf(null!)) && IsFound(() => _ = StreamOf(null!))
        && IsFound(() => Unbind(null!)) && IsFound(() => RemoveConnection(null!)) && IsFound(() => Listen(null!, null!, 0, secure: false))
        && IsFound(() => NewPrefix(null!)) && IsFound(() => AddPrefix(null!, null!, null!)) && IsFound(() => Close(null!)) && IsFound(() => GetContextFromQueue(null!));

    private static bool IsFound(Action call)
    {
        try
        {
            call();
            return false;
        }
        catch (Exception e) when (e is NullReferenceException or ArgumentNullException)
        {
            return true;
        }
        catch (Exception e) when (e is MissingMemberException or TypeLoadException)
        {
            return false;
        }
    }

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "get_Connection")]
    [return: UnsafeAccessorType(HttpConnection)]
    private static extern object ConnectionOf(HttpListenerContext context);

    [UnsafeAccessor(UnsafeAccessorKind.Method)]
    private static extern void Unbind([UnsafeAccessorType(HttpConnection)] object connection);

    [UnsafeAccessor(UnsafeAccessorKind.Method)]
    private static extern void RemoveConnection([UnsafeAccessorType(HttpConnection)] object connection);

    [UnsafeAccessor(UnsafeAccessorKind.Constructor)]
    [return: UnsafeAccessorType(EndPointListener)]
    private static extern object Listen(HttpListener listener, IPAddress address, int port, bool secure);

    [UnsafeAccessor(UnsafeAccessorKind.Constructor)]
    [return: UnsafeAccessorType(ListenerPrefix)]
    private static extern object NewPrefix(string prefix);

    [UnsafeAccessor(UnsafeAccessorKind.Method)]
    private static extern void AddPrefix([UnsafeAccessorType(EndPointListener)] object port, [UnsafeAccessorType(ListenerPrefix)] object prefix, HttpListener listener);

    [UnsafeAccessor(UnsafeAccessorKind.Method)]
    private static extern void Close([UnsafeAccessorType(EndPointListener)] object port);

    [UnsafeAccessor(UnsafeAccessorKind.Method)]
    private static extern HttpListenerContext? GetContextFromQueue(HttpListener listener);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_stream")]
    private static extern ref Stream StreamOf([UnsafeAccessorType(HttpConnection)] object connection);
}
