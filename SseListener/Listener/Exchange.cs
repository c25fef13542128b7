namespace SseListener.Listener;

/// <summary>One request and its answer.</summary>
internal sealed class Exchange
{
    private readonly HttpListenerContext _context;
    private readonly Connection? _connection;
    private int _hasEnded;

    /// <summary>Begins it, and marks its connection (null where connections cannot be reached) as busy until <see cref="End"/>.</summary>
    public Exchange(HttpListenerContext context, Connection? connection, long mostChunked)
    {
        (_context, _connection) = (context, connection);
        var isChunked = context.Request.ContentLength64 < 0;
        ChunkedSource = isChunked ? connection : null;
        IsOpen = connection?.TryBegin(isChunked ? mostChunked : null) ?? true;
        Remote = connection?.Remote ?? context.Request.RemoteEndPoint!;
        Target = RequestTarget.TryParse(context.Request.RawUrl!, out var target) ? target : RequestTarget.None;

        // HTTP/1.0 knows no transfer coding: its connection must be closed (RFC 9112, section 6.1), which HttpListener does not.
        BodyIsRead = !context.Request.HasEntityBody && context.Request.Headers["Transfer-Encoding"] is null;
    }

    public HttpListenerRequest Request => _context.Request;
    public HttpListenerResponse Response => _context.Response;

    /// <summary>The socket of the connection, which stays HttpListener's; null where it cannot be reached.</summary>
    public Socket? Socket => _connection?.Socket;
    public IPEndPoint Remote { get; }

    /// <summary>The host that the request is for, in lower case and without the port; an IPv6 address in brackets.</summary>
    public string Host => _connection?.HostAddress is { } address ? $"[{IPAddress.Parse(address.Trim('[', ']'))}]" : Request.Url!.Host;

    /// <summary>The host with its port, if the client has sent one.</summary>
    public string Authority =>
        _connection?.HostAddress + string.Concat((Request.UserHostName ?? "").Skip(_connection?.HostAddress?.Length ?? 0));

    /// <summary>Whether the connection was open when the request came in.</summary>
    public bool IsOpen { get; }

    /// <summary>The request's path and query; <see cref="RequestTarget.None"/> when they cannot be read.</summary>
    public RequestTarget Target { get; private set; }

    /// <summary>The connection that a chunked body is read from; null when it is not chunked, or there is no safe way to read it.</summary>
    public Connection? ChunkedSource { get; }

    /// <summary>Whether nothing of the request is left on the connection, which can bring another one then.</summary>
    public bool BodyIsRead { get; set; }

    /// <summary>Whether it is for an event stream, which it is unless its client accepts JSON instead.</summary>
    public bool AsksForStream => Request.HttpMethod == "GET" && Target.Path == "/events" && !AcceptsOnlyJson;

    /// <summary>Whether its client accepts JSON, and no stream.</summary>
    public bool AcceptsOnlyJson => Accepts("application/json") && !Accepts("text/event-stream");

    /// <summary>
    /// The id of the last event that its client has, or null. EventSource sends the field when it reconnects by itself; polyfills, and
    /// pages that reload, use the query. A polyfill appends its own to a URL that may have one.
    /// </summary>
    public string? LastEventId => Target.All("lastEventId", "last_event_id")
        // The header's bytes are UTF-8 (WHATWG HTML, section 9.2.4), and HttpListener reads them as Latin-1.
        .Append(Encoding.UTF8.GetString(Encoding.Latin1.GetBytes(Request.Headers["Last-Event-ID"] ?? "")))
        .LastOrDefault(id => id.Length > 0);

    /// <summary>Bytes of the request line and the header fields.</summary>
    public int HeaderSize => Request.HttpMethod.Length + Request.RawUrl!.Length + "  HTTP/1.1\r\n".Length
        + Request.Headers.AllKeys.Sum(name => name!.Length + Request.Headers[name]!.Length + ": \r\n".Length);

    private bool Accepts(string type) => (Request.Headers["Accept"] ?? "").Contains(type, StringComparison.OrdinalIgnoreCase);

    /// <summary>Releases what is needed no more once a stream has begun, and would be kept for as long as it lasts.</summary>
    public void ReleaseRequest()
    {
        Target = RequestTarget.None;
        Request.Headers.Clear();
        Response.Headers.Clear();
    }

    /// <summary>
    /// Ends the connection as if it had broken: without an answer, or in the middle of one. HttpListener alone would send a head or a last
    /// chunk. False where the connection cannot be reached; then nothing has been done.
    /// </summary>
    /// <param name="resets">Whether what has been sent and not received yet is given up too.</param>
    public bool TryBreak(bool resets = false)
    {
        if (_connection is null)
            return false;

        _connection.Cut(resets);
        Response.Abort();
        return true;
    }

    /// <summary>The same as <see cref="TryBreak"/>; where it cannot, HttpListener ends the connection in its own way.</summary>
    public void Break(bool resets = false)
    {
        if (!TryBreak(resets))
            Response.Abort();
    }

    /// <summary>Breaks the connection while a write to it blocks: HttpListener by itself would write once more, behind that one.</summary>
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
