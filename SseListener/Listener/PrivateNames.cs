using System.Runtime.CompilerServices;
using System.Security.Cryptography.X509Certificates;

namespace SseListener.Listener;

/// <summary>
/// The parts of HttpListener that it keeps to itself. This is the one file that depends on private names of the framework. Another
/// platform or version may not have them: then HttpListener opens its ports by itself, streams go through
/// <see cref="HttpListenerResponse.OutputStream"/>, and chunked bodies are refused.
/// </summary>
internal static class PrivateNames
{
    private const string HttpConnection = "System.Net.HttpConnection, System.Net.HttpListener";
    private const string EndPointListener = "System.Net.HttpEndPointListener, System.Net.HttpListener";
    private const string ListenerPrefix = "System.Net.ListenerPrefix, System.Net.HttpListener";

    /// <summary>Whether all of them are there.</summary>
    /// <remarks>Each is called with nulls: one that is there fails on the null, one that is not says that it is missing.</remarks>
    public static bool AreKnown { get; } = ((Action[])
    [
        () => HttpConnectionOf(null!), () => _ = StreamOf(null!), () => Unbind(null!), () => RemoveConnection(null!),
        () => BeginReadRequest(null!), () => NewConnection(null!, null!, secure: false, null!), () => _ = SocketOf(null!),
        () => NewEndPointListener(null!, null!, 0, secure: false), () => NewPrefix(null!), () => AddPrefix(null!, null!, null!),
        () => NextRequestOf(null!), () => _ = ReusesOf(null!),
    ]).All(IsFound);

    /// <summary>Makes an entrance to a listener for connections that are accepted elsewhere, with requests for any host.</summary>
    public static object CreateEntrance(HttpListener listener)
    {
        // HttpListener accepts by itself from the constructor on, in a recursion that ends the process when descriptors run out.
        var entrance = NewEndPointListener(listener, IPAddress.Loopback, 0, secure: false);
        SocketOf(entrance).Close();
        AddPrefix(entrance, NewPrefix("http://+/"), listener);
        return entrance;
    }

    /// <summary>Has HttpListener read requests from a connection, through the connection's own stream.</summary>
    public static void Enter(object entrance, Connection connection)
    {
        var http = NewConnection(connection.Socket, entrance, secure: false, null!);
        StreamOf(http) = connection;
        BeginReadRequest(http);
    }

    /// <summary>The connection that a request came in on. It may bring more than the 100 after which HttpListener would close it.</summary>
    public static Connection? ReuseConnection(HttpListenerContext context)
    {
        var connection = HttpConnectionOf(context);
        ReusesOf(connection) = 0;
        return StreamOf(connection) as Connection;
    }

    /// <summary>Has HttpListener let go of a request that it has answered by itself. By itself it would keep it for ever.</summary>
    public static void Forget(HttpListenerContext context)
    {
        var connection = HttpConnectionOf(context);
        Unbind(connection);
        RemoveConnection(connection);
    }

    /// <summary>A request that HttpListener has read and nobody has received yet; null when there is none.</summary>
    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "GetContextFromQueue")]
    public static extern HttpListenerContext? NextRequestOf(HttpListener listener);

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
    private static extern object HttpConnectionOf(HttpListenerContext context);

    [UnsafeAccessor(UnsafeAccessorKind.Constructor)]
    [return: UnsafeAccessorType(HttpConnection)]
    private static extern object NewConnection(
        Socket socket, [UnsafeAccessorType(EndPointListener)] object entrance, bool secure, X509Certificate certificate);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_stream")]
    private static extern ref Stream StreamOf([UnsafeAccessorType(HttpConnection)] object connection);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_reuses")]
    private static extern ref int ReusesOf([UnsafeAccessorType(HttpConnection)] object connection);

    [UnsafeAccessor(UnsafeAccessorKind.Method)]
    private static extern void BeginReadRequest([UnsafeAccessorType(HttpConnection)] object connection);

    [UnsafeAccessor(UnsafeAccessorKind.Method)]
    private static extern void Unbind([UnsafeAccessorType(HttpConnection)] object connection);

    [UnsafeAccessor(UnsafeAccessorKind.Method)]
    private static extern void RemoveConnection([UnsafeAccessorType(HttpConnection)] object connection);

    [UnsafeAccessor(UnsafeAccessorKind.Constructor)]
    [return: UnsafeAccessorType(EndPointListener)]
    private static extern object NewEndPointListener(HttpListener listener, IPAddress address, int port, bool secure);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_socket")]
    private static extern ref Socket SocketOf([UnsafeAccessorType(EndPointListener)] object entrance);

    [UnsafeAccessor(UnsafeAccessorKind.Constructor)]
    [return: UnsafeAccessorType(ListenerPrefix)]
    private static extern object NewPrefix(string prefix);

    [UnsafeAccessor(UnsafeAccessorKind.Method)]
    private static extern void AddPrefix(
        [UnsafeAccessorType(EndPointListener)] object entrance, [UnsafeAccessorType(ListenerPrefix)] object prefix, HttpListener listener);
}
