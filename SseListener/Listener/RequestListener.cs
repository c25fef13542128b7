using System.Net;
using System.Net.Sockets;
using SseListener.Log;

namespace SseListener.Listener;

/// <summary>
/// What the rest of the program sees of HttpListener: exchanges come in, and each is answered. What has to be done around it, so that
/// nobody on the network can make it grow, fall or wait, is done in this folder (README.md has the table of facts).
/// </summary>
internal sealed class RequestListener : IDisposable
{
    private readonly ListenerOptions _options;
    private readonly Func<Exchange, Task> _answer;
    private readonly LogWriter _log;
    private readonly Listening _listening;
    private readonly OpenConnections _connections;
    private readonly IdleConnections _idle;
    private readonly TaskCompletionSource _allAnswered = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private DescriptorWatch? _descriptors;
    private ConnectionWatch? _watch;
    private int _underWay;
    private volatile bool _isStopping;

    /// <summary>One that does not listen yet.</summary>
    /// <param name="options">Where it listens, and what it bears.</param>
    /// <param name="answer">Answers an exchange.</param>
    /// <param name="log">Takes what happens here.</param>
    public RequestListener(ListenerOptions options, Func<Exchange, Task> answer, LogWriter log)
    {
        _options = options;
        _answer = answer;
        _log = log;
        _listening = new Listening(options, HandleAsync, log);
        _connections = new OpenConnections(options.Port);
        _idle = new IdleConnections(_connections, options.IdleTimeout, options.MaxHeader);
    }

    /// <summary>Requests so far.</summary>
    public long Requests => _idle.Requests;

    /// <inheritdoc cref="Listening.AnswersTo"/>
    public bool AnswersTo(string host) => _listening.AnswersTo(host);

    /// <inheritdoc cref="Listening.Start"/>
    public void Start()
    {
        _listening.Start();
        if (!ConnectionSocket.IsKnown || !_options.UsesPrivateNames)
        {
            _log.Warning("the sockets of connections cannot be reached: streams go through HttpListener, clients that leave are found by the next write, "
                + "requests without a length leak memory, and nobody listens on IPv6");
        }

        _descriptors = new DescriptorWatch(_listening, _idle, _log);
        _watch = new ConnectionWatch(_connections, _listening, _idle, _log);
    }

    /// <summary>Takes note that an exchange is about to be over: with its end its connection may bring the next request.</summary>
    public void End(Exchange exchange) => _idle.End(exchange.Connection, exchange.Number);

    /// <summary>Cuts the connection of an exchange that does not know its socket: it is looked for among all.</summary>
    public void Cut(Exchange exchange) => _connections.Cut((connection, _) => connection == exchange.Connection);

    /// <summary>Completes once everything that was asked for has been answered.</summary>
    public Task AnswerAllAsync()
    {
        _isStopping = true;
        return Volatile.Read(ref _underWay) == 0 ? Task.CompletedTask : _allAnswered.Task;
    }

    /// <summary>Closes the port and every connection.</summary>
    public void Dispose()
    {
        _descriptors?.Dispose();
        _watch?.Dispose();
        _listening.Dispose();
    }

    private async Task HandleAsync(HttpListenerContext context)
    {
        if (RefusedByListener.Is(context.Request))
        {
            _listening.Forget(context);
            return;
        }

        // Closing sends a head, if none was sent before: without an answer of its own a request must not look like a success.
        context.Response.StatusCode = (int)HttpStatusCode.ServiceUnavailable;
        var connection = Connection.Of(context.Request);
        Interlocked.Increment(ref _underWay);
        var number = _idle.Begin(connection);
        try
        {
            await _answer(Accept(context, connection, number));
        }
        catch (Exception e) when (e is HttpListenerException or SocketException or IOException or InvalidOperationException or TimeoutException)
        {
            _log.Debug($"a connection ended during its answer: {e.Message}");
            context.Response.Abort();
        }
#pragma warning disable CA1031 // The one place where whatever was not foreseen ends: the server goes on without this request.
        catch (Exception e)
#pragma warning restore CA1031
        {
            _log.Often(LogLevel.Error, "failed request", $"{context.Request.HttpMethod} {context.Request.RawUrl!.Split('?')[0]} failed: {e}");
            context.Response.Abort();
        }
        finally
        {
            _idle.End(connection, number);
            if (Interlocked.Decrement(ref _underWay) == 0 && _isStopping)
            {
                _allAnswered.TrySetResult();
            }
        }
    }

    private Exchange Accept(HttpListenerContext context, Connection connection, long number)
    {
        var socket = _options.UsesPrivateNames ? ConnectionSocket.Of(context) : null;
        var exchange = new Exchange(context, socket, connection, number, this);
        if (_options.UsesPrivateNames)
        {
            exchange.PrepareBody(_options.MaxChunkedBody);
        }

        return exchange;
    }
}
