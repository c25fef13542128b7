using SseListener.Log;

namespace SseListener.Listener;

/// <summary>
/// What the rest of the program sees of HttpListener: exchanges come in, and each is answered. Everything else in this folder keeps
/// people on the network from making HttpListener grow, fall or wait; README.md has the table of facts.
/// </summary>
internal sealed class RequestListener : IDisposable
{
    private readonly ListenerOptions _options;
    private readonly Func<Exchange, Task> _answer;
    private readonly LogWriter _log;
    private readonly HttpListener _listener = new();
    private readonly string[] _names;
    private readonly bool _usesPrivateNames;
    private readonly ConnectionTable _connections;
    private readonly ListeningPorts _ports;
    private readonly TaskCompletionSource _allAnswered = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private object? _entrance;
    private ConnectionWatch? _watch;
    private long _requests;
    private int _underWay;
    private volatile bool _isStopping;

    public RequestListener(ListenerOptions options, Func<Exchange, Task> answer, LogWriter log)
    {
        (_options, _answer, _log) = (options, answer, log);
        _names = options.Host == "localhost" ? ["localhost", "127.0.0.1", "[::1]"] : [options.Host];
        _usesPrivateNames = options.UsesPrivateNames && PrivateNames.AreKnown;
        _connections = new ConnectionTable(options.IdleTimeout, log);
        _ports = new ListeningPorts(options, AdmitAsync, _connections, log);
    }

    public long Requests => Interlocked.Read(ref _requests);

    /// <summary>Whether an exception of <see cref="Start"/> says that another program has the port.</summary>
    public static bool IsTaken(Exception e) => e is SocketException { SocketErrorCode: SocketError.AddressAlreadyInUse }
        || e.Message.Contains("in use", StringComparison.OrdinalIgnoreCase);

    /// <summary>Whether the server answers to this host. A page may point its own name at this machine (DNS rebinding).</summary>
    public bool AnswersTo(string host) => _options.Host == "+" || _names.Contains(host.TrimEnd('.'));

    /// <summary>Begins to listen.</summary>
    /// <exception cref="HttpListenerException">The address cannot be had; a <see cref="SocketException"/> may say so, too.</exception>
    public void Start()
    {
        _listener.Start();
        _ = ReceiveAsync();
        if (_usesPrivateNames)
        {
            _entrance = PrivateNames.CreateEntrance(_listener);
            _ports.Open();
            _watch = new ConnectionWatch(_connections, ReceiveWaiting, _log);
            return;
        }

        _log.Warning("the sockets of connections cannot be reached: streams go through HttpListener, "
            + "clients that leave are found by the next write, requests without a length leak memory, and nobody listens on IPv6");

        // A prefix matches the Host header, and 127.0.0.1 is another host than localhost.
        Array.ForEach([.. _names.Where(name => name[0] != '[')], name => _listener.Prefixes.Add($"http://{name}:{_options.Port}/"));
    }

    /// <summary>Completes once everything that was asked for has been answered.</summary>
    public Task AnswerAllAsync()
    {
        _isStopping = true;
        return Volatile.Read(ref _underWay) == 0 ? Task.CompletedTask : _allAnswered.Task;
    }

    public void Dispose()
    {
        _ports.Dispose();
        _watch?.Dispose();
        _connections.Close();
        _listener.Close();
    }

    // HttpListener creates its part of a connection, with a buffer of 8 KB, only when there is something to read.
    private async Task AdmitAsync(Connection connection)
    {
        try
        {
            await connection.Socket.ReceiveAsync(Memory<byte>.Empty);
            PrivateNames.Enter(_entrance!, connection);
        }
        catch (Exception e) when (e is SocketException or IOException or ObjectDisposedException)
        {
            // It has gone already, or has been cut.
            connection.Socket.Dispose();
        }
    }

    // The next request is waited for before this one is handled: closing an answer may block for as long as the connection's
    // next request likes, when HttpListener refuses that by itself.
    private async Task ReceiveAsync()
    {
        HttpListenerContext? context = null;
        while (context is null && _listener.IsListening)
        {
            try
            {
                context = await _listener.GetContextAsync();
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException or InvalidOperationException)
            {
                // The listener's way to say that it is closing.
            }
        }

        if (context is null)
            return;

        _ = ReceiveAsync();
        if (!TryForget(context))
            await HandleAsync(context);
    }

    // HttpListener queues requests without a limit on the threads of the pool. Those that it has refused by itself hold no descriptor, and
    // may come in faster than the pool receives them from there.
    private void ReceiveWaiting()
    {
        while (PrivateNames.NextRequestOf(_listener) is { } context)
        {
            if (!TryForget(context))
                _ = Task.Run(() => HandleAsync(context));
        }
    }

    // Requests that HttpListener has refused by itself, and hands over all the same: a POST or PUT without a length (411), and a transfer
    // coding other than chunked (501). There is nothing left to answer, and they must not publish.
    private bool TryForget(HttpListenerContext context)
    {
        var request = context.Request;
        var coding = request.ProtocolVersion >= HttpVersion.Version11 ? request.Headers["Transfer-Encoding"] : null;
        var hasNoLength = request.HttpMethod.ToUpperInvariant() is "POST" or "PUT" && request.Headers["Content-Length"] is null;
        var isChunked = request.ContentLength64 < 0;
        var isRefused = !isChunked && (coding is not null || hasNoLength);
        if (isRefused && _usesPrivateNames)
            PrivateNames.Forget(context);

        return isRefused;
    }

    private async Task HandleAsync(HttpListenerContext context)
    {
        var exchange = new Exchange(context, _usesPrivateNames ? PrivateNames.ConnectionOf(context) : null, _options.MaxChunkedBody);
        Interlocked.Increment(ref _underWay);
        Interlocked.Increment(ref _requests);
        try
        {
            // Closing sends a head, if none was sent before: without an answer of its own a request must not look like a success.
            context.Response.StatusCode = (int)HttpStatusCode.ServiceUnavailable;
            if (exchange.IsOpen)
                await _answer(exchange);
            else
                context.Response.Abort();
        }
#pragma warning disable CA1031 // At the boundary of a request: what was not foreseen costs this request only.
        catch (Exception e)
#pragma warning restore CA1031
        {
            LogFailure(context.Request, e);
            context.Response.Abort();
        }
        finally
        {
            exchange.End();
            if (Interlocked.Decrement(ref _underWay) == 0 && _isStopping)
                _allAnswered.TrySetResult();
        }
    }

    private void LogFailure(HttpListenerRequest request, Exception e)
    {
        if (e is HttpListenerException or SocketException or IOException or InvalidOperationException or TimeoutException)
            _log.Debug($"a connection ended during its answer: {e.Message}");
        else
            _log.Often(LogLevel.Error, "failed request", $"{request.HttpMethod} {request.RawUrl!.Split('?')[0]} failed: {e}");
    }
}
