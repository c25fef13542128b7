using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;

namespace SseListener.Http;

/// <summary>
/// The socket and the stream behind a request. HttpListener keeps them to itself. It sends each chunk of an answer in three pieces, two
/// of them while the caller waits, and reads chunked bodies in a recursion (<see cref="ChunkedBody"/>). This is the one file that depends
/// on private names of the framework. Another platform or version may not have them: then streams go through
/// <see cref="HttpListenerResponse.OutputStream"/>, and chunked bodies are refused.
/// </summary>
internal static class ConnectionSocket
{
    private const string HttpConnection = "System.Net.HttpConnection, System.Net.HttpListener";

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

    /// <summary>Sets a socket up for a stream: nothing waits for an acknowledgement before it is sent, and no send waits at all.</summary>
    /// <param name="socket">The socket.</param>
    /// <param name="options">How long data may stay unacknowledged before the kernel gives the connection up, and how much of it the kernel holds.</param>
    public static void PrepareForStream(Socket socket, ServerOptions options)
    {
        socket.Blocking = false;
        socket.NoDelay = true;
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
        if (OperatingSystem.IsLinux())
        {
            TcpInfo.SetUserTimeout(socket, options.WriteTimeout);

            // The listening socket's connections have it already, unless they came before that had it.
            TcpInfo.SetUnsentLimit(socket, options.SendBuffer);
        }
    }

    // The first call of each finds out, whatever it is called with: with nothing, it finds nothing or no name.
    private static bool AreNamesKnown() => IsFound(() => ConnectionOf(null!)) && IsFound(() => StreamOf(null!));

    private static bool IsFound(Func<object> call)
    {
        try
        {
            return call() is not null;
        }
        catch (NullReferenceException)
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

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_stream")]
    private static extern ref Stream StreamOf([UnsafeAccessorType(HttpConnection)] object connection);
}
