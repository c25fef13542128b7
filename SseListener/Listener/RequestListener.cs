using SseListener.Log;

namespace SseListener.Listener;

/// <summary>
/// What the rest of the program sees of HttpListener: exchanges come in, and each is answered. Most of this folder keeps
/// people on the network from making HttpListener grow, fall or wait; README.md has the table of facts.
/// </summary>
internal sealed class RequestListener(ListenerOptions options, Func<Exchange, Task> answer, LogWriter log) : IDisposable
{
    private readonly HttpListener _listener = new();
    private readonly string[] _names = options.Host == "localhost" ? ["localhost", "127.0.0.1", "[::1]"] : [options.Host];
    private readonly bool _usesPrivateNames = options.UsesPrivateNames && PrivateNames.AreKnown;
    private readonly ConnectionTable _connections = new(options.IdleTimeout, log);
    private readonly TaskCompletionSource _allAnswered = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ListeningPorts? _ports;
    private long _requests;
    private int _underWay;
    private volatile bool _isStopping;

    public long Requests => Interlocked.Read(ref _requests);

    /// <summary>Whether an exception of <see cref="Start"/> says that another program has the port.</summary>
    public static bool IsTaken(Exception e) => e is SocketException { SocketErrorCode: SocketError.AddressAlreadyInUse }
        || e.Message.Contains("in use", StringComparison.OrdinalIgnoreCase);

    /// <summary>Whether the server answers to this host. A page may point its own name at this machine (DNS rebinding).</summary>
    public bool AnswersTo(string host) => options.Host == "+" || _names.Contains(host.TrimEnd('.'));

    /// <summary>Begins to listen.</summary>
    /// <exception cref="HttpListenerException">The address cannot be had; a <see cref="SocketException"/> may say so, too.</exception>
    public void Start()
    {
        _listener.Start();
        _ = ReceiveAsync();
        if (_usesPrivateNames)
        {
            var entrance = PrivateNames.CreateEntrance(_listener);
            _ports = new(options, new NewcomerQueue(connection => PrivateNames.Enter(entrance, connection)), _connections, log);
            _ports.Open();
            _connections.Start(ReceiveWaiting);
            return;
        }

        log.Warning("the sockets of connections cannot be reached: streams go through HttpListener, "
            + "clients that leave are found by the next write, requests without a length leak memory, and nobody listens on IPv6");

        // A prefix matches the Host header, and 127.0.0.1 is another host than localhost.
        Array.ForEach([.. _names.Where(name => name[0] != '[')], name => _listener.Prefixes.Add($"http://{name}:{options.Port}/"));
    }

    /// <summary>Completes once everything that was asked for has been answered.</summary>
    public Task AnswerAllAsync()
    {
        _isStopping = true;
        return Volatile.Read(ref _underWay) == 0 ? Task.CompletedTask : _allAnswered.Task;
    }

    public void Dispose()
    {
        _ports?.Dispose();
        _connections.Dispose();
        _listener.Close();
    }

    // HttpListener may read the connection's next request while an answer is closed, and if it refuses that one itself, the closing blocks
    // for as long as that client likes. So the wait for further requests begins before this one is handled.
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

        // No recursion: HttpListener always completes the wait on the pool.
        _ = ReceiveAsync();
        if (!TryForget(context))
            await HandleAsync(context);
    }

    // HttpListener hands requests over by work on the pool, and queues them without a limit. Those that it has refused by itself hold no
    // descriptor, and may come in faster than the pool receives them from there.
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
        var isRefused = request.ContentLength64 >= 0 && (coding is not null || hasNoLength);
        if (isRefused && _usesPrivateNames)
            PrivateNames.Forget(context);

        return isRefused;
    }

    private async Task HandleAsync(HttpListenerContext context)
    {
        var exchange = new Exchange(context, _usesPrivateNames ? PrivateNames.ReuseConnection(context) : null, options.LongestChunked);
        Interlocked.Increment(ref _underWay);
        Interlocked.Increment(ref _requests);
        try
        {
            // HttpListener sends a head that is missing, in Abort or when closed: without an answer a request must not look like a success.
            context.Response.StatusCode = (int)HttpStatusCode.ServiceUnavailable;

            if (exchange.IsOpen)
                await answer(exchange);
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
        if (e is HttpListenerException or SocketException or IOException or ObjectDisposedException or TimeoutException
            or InvalidOperationException { Source: "System.Net.HttpListener" })
        {
            log.Debug($"a connection ended during its answer: {e.Message}");
        }
        else
        {
            log.Often(LogLevel.Error, "failed request", $"{request.HttpMethod} {request.RawUrl!.Split('?')[0]} failed: {e}");
        }
    }
}
