namespace SseListener.Listener;

/// <summary>One request and its answer.</summary>
internal sealed class Exchange
{
    private readonly HttpListenerContext _context;
    private readonly Connection? _connection;
    private int _hasEnded;

    /// <summary>Begins it. Also marks the connection as busy, which <see cref="End"/> undoes.</summary>
    /// <param name="context">The request, whose body has not been touched.</param>
    /// <param name="connection">The connection that it came in on; null where connections cannot be reached.</param>
    /// <param name="mostChunked">Bytes that are read of a chunked body, framing included.</param>
    public Exchange(HttpListenerContext context, Connection? connection, long mostChunked)
    {
        (_context, _connection) = (context, connection);
        var isChunked = context.Request.ContentLength64 < 0;
        ChunkedBody = isChunked ? connection : null;
        IsOpen = connection?.TryBegin(isChunked ? mostChunked : null) ?? true;
        Remote = connection?.Remote ?? context.Request.RemoteEndPoint!;
        Target = RequestTarget.TryParse(context.Request.RawUrl!, out var target) ? target : RequestTarget.None;
        BodyIsRead = !context.Request.HasEntityBody;
    }

    public HttpListenerRequest Request => _context.Request;

    public HttpListenerResponse Response => _context.Response;

    /// <summary>The socket of the connection, which stays HttpListener's; null where it cannot be reached.</summary>
    public Socket? Socket => _connection?.Socket;

    public IPEndPoint Remote { get; }

    /// <summary>The host that the request is for, in lower case and without the port; an IPv6 address in brackets.</summary>
    public string Host =>
        _connection?.HostAddress is { } address ? $"[{IPAddress.Parse(address.Trim('[', ']'))}]" : Request.Url!.Host;

    /// <summary>The host with its port, if the client has sent one.</summary>
    public string Authority
    {
        get
        {
            var sent = Request.UserHostName ?? "";
            return _connection?.HostAddress is { } address ? address + sent[Math.Min(sent.Length, address.Length)..] : sent;
        }
    }

    /// <summary>Whether the connection was open when the request came in.</summary>
    public bool IsOpen { get; }

    /// <summary>The request's path and query; <see cref="RequestTarget.None"/> when they cannot be read.</summary>
    public RequestTarget Target { get; private set; }

    /// <summary>The connection that a chunked body is read from; null when it is not chunked, or there is no safe way to read it.</summary>
    public Connection? ChunkedBody { get; }

    /// <summary>Whether the request's body has been read to its end.</summary>
    public bool BodyIsRead { get; set; }

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
                size += Request.Headers.GetKey(i)!.Length + Request.Headers.Get(i)!.Length + ": \r\n".Length;

            return size;
        }
    }

    /// <summary>Releases what is needed no more once a stream has begun, and would be kept for as long as it lasts.</summary>
    public void ReleaseRequest()
    {
        Target = RequestTarget.None;
        Request.Headers.Clear();
        Response.Headers.Clear();
    }

    /// <summary>
    /// Ends the connection as if it had broken: without an answer, or in the middle of one. HttpListener alone would send a head or a last
    /// chunk.
    /// </summary>
    /// <param name="resets">Whether what has been sent and not received yet is given up too.</param>
    /// <returns>False where the connection cannot be reached; then nothing has been done.</returns>
    public bool TryBreak(bool resets = false)
    {
        _connection?.Cut(resets);
        if (_connection is not null)
            Response.Abort();

        return _connection is not null;
    }

    /// <summary>The same; where the connection cannot be reached, HttpListener ends it in its own way.</summary>
    public void Break(bool resets = false)
    {
        if (!TryBreak(resets))
            Response.Abort();
    }

    /// <summary>
    /// Breaks the connection from outside a write that blocks: HttpListener's own way to end it would write once more, behind that one.
    /// </summary>
    public void BreakWrite()
    {
        if (!TryBreak())
            Descriptors.ShutDown(Remote);
    }

    /// <summary>Ends the answer. The connection may bring its next request with that, even on this thread.</summary>
    public void Close()
    {
        End();
        Response.Close();
    }

    /// <summary>Notes that the exchange is over; only the first call counts.</summary>
    public void End()
    {
        if (Interlocked.Exchange(ref _hasEnded, 1) == 0)
            _connection?.End();
    }
}
