using System.Net;
using System.Net.Sockets;
using System.Text;

namespace SseListener.Listener;

/// <summary>One request and its answer.</summary>
internal sealed class Exchange(HttpListenerContext context, Socket? socket, Connection connection, long number, RequestListener listener)
{
    /// <summary>The request.</summary>
    public HttpListenerRequest Request => context.Request;

    /// <summary>The answer to it.</summary>
    public HttpListenerResponse Response => context.Response;

    /// <summary>The socket of the connection, which stays HttpListener's; null where it cannot be reached.</summary>
    public Socket? Socket => socket;

    /// <summary>The connection that it came in on.</summary>
    public Connection Connection { get; } = connection;

    /// <summary>The request's number.</summary>
    public long Number { get; } = number;

    /// <summary>The request's path and query; <see cref="RequestTarget.None"/> when they cannot be read.</summary>
    public RequestTarget Target { get; private set; } = RequestTarget.TryParse(context.Request.RawUrl!, out var target) ? target : RequestTarget.None;

    /// <summary>Whether it is a request for a stream of events.</summary>
    public bool AsksForStream => Request.HttpMethod == "GET" && Target.Path == "/events";

    /// <summary>
    /// The id of the last event that its client has, or null. EventSource sends the field when it reconnects by itself; polyfills, and
    /// pages that reload, use the query. A polyfill appends its own to a URL that may have one.
    /// </summary>
    public string? LastEventId
    {
        get
        {
            // The header's bytes are UTF-8 (WHATWG HTML, section 9.2.4), and HttpListener reads them as Latin-1.
            var header = Encoding.UTF8.GetString(Encoding.Latin1.GetBytes(Request.Headers["Last-Event-ID"] ?? ""));
            return header.Length > 0 ? header : Target.All("lastEventId", "last_event_id").LastOrDefault(id => id.Length > 0);
        }
    }

    /// <summary>Bytes of the request line and the header fields.</summary>
    public int HeaderSize
    {
        get
        {
            var size = Request.HttpMethod.Length + Request.RawUrl!.Length + "  HTTP/1.1\r\n".Length;
            for (var i = 0; i < Request.Headers.Count; i++)
            {
                size += Request.Headers.GetKey(i)!.Length + Request.Headers.Get(i)!.Length + ": \r\n".Length;
            }

            return size;
        }
    }

    /// <summary>
    /// Ends the connection as if it had broken: without an answer, or in the middle of one. HttpListener alone would send a head or a last
    /// chunk.
    /// </summary>
    /// <param name="resets">Whether what has been sent and not received yet is given up too.</param>
    /// <returns>False where the socket cannot be reached; then nothing has been done.</returns>
    public bool TryBreak(bool resets = false)
    {
        if (socket is null)
        {
            return false;
        }

        try
        {
            if (resets)
            {
                socket.LingerState = new LingerOption(enable: true, seconds: 0);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // It is closed already.
        }

        socket.Close();
        Response.Abort();
        return true;
    }

    /// <summary>Lets go of what is needed no more once a stream has begun, and would be kept for as long as it lasts.</summary>
    public void ReleaseRequest()
    {
        Target = RequestTarget.None;
        Request.Headers.Clear();
        Response.Headers.Clear();
    }

    /// <summary>Through what a chunked body is read; null when it is not chunked, or there is no safe way to read it.</summary>
    public ChunkedBody? ChunkedBody { get; private set; }

    /// <summary>Makes a chunked body safe to read, by whoever does; to be called before anybody does.</summary>
    /// <param name="limit">Most bytes of it, what makes the chunks included.</param>
    public void PrepareBody(long limit)
    {
        if (Request.ContentLength64 < 0)
        {
            ChunkedBody = ConnectionSocket.ReplaceStream(context, stream => new ChunkedBody(stream, limit));
        }
    }

    /// <summary>Breaks the connection also where its socket is not known: a client that reads nothing would keep HttpListener.</summary>
    /// <inheritdoc cref="TryBreak"/>
    public void Break(bool resets = false)
    {
        if (!TryBreak(resets))
        {
            listener.Cut(this);
            Response.Abort();
        }
    }

    /// <summary>Ends the answer. The connection may bring its next request with that, even on this thread.</summary>
    public void Close()
    {
        listener.End(this);
        if (ChunkedBody is { } body)
        {
            ConnectionSocket.RestoreStream(context, body.Connection);
        }

        Response.Close();
    }

    /// <summary>Whether the request's body has been read to its end.</summary>
    public bool BodyIsRead { get; set; } = !context.Request.HasEntityBody;
}
