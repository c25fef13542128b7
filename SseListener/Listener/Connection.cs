using System.Net;

namespace SseListener.Listener;

/// <summary>A TCP connection by its two ends, as the operating system lists it.</summary>
internal readonly record struct Connection(IPEndPoint Local, IPEndPoint Remote)
{
    /// <summary>The connection that a request came in on.</summary>
    public static Connection Of(HttpListenerRequest request) => new(request.LocalEndPoint!, request.RemoteEndPoint!);
}
