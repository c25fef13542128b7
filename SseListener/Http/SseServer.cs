using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;
using SseListener.Access;
using SseListener.Delivery;
using SseListener.Events;
using SseListener.Journal;
using SseListener.Listener;
using SseListener.Log;
using SseListener.Metrics;

namespace SseListener.Http;

/// <summary>
/// The listener loop: takes requests in, hands them to the router, and holds the open streams in a dictionary until its ordered,
/// bounded stop.
/// </summary>
internal sealed class SseServer : IAsyncDisposable
{
    private static readonly TimeSpan _deliveryLimit = TimeSpan.FromSeconds(1.5);
    private static readonly TimeSpan _answerLimit = TimeSpan.FromSeconds(1);

    [SuppressMessage("Usage", "CA2213:Disposable fields should be disposed", Justification = "Disposing it is the last step of the stop.")]
    private readonly RequestListener _listener;

    private readonly ConcurrentDictionary<string, Client> _clients = new(StringComparer.Ordinal);
    private readonly DeliveryLanes _lanes;
    [SuppressMessage("Usage", "CA2213:Disposable fields should be disposed", Justification = "Disposing it is a step of the stop.")]
    private readonly IEventLog _journal;

    private readonly EventHub _hub;
    private readonly Responses _responses;
    private readonly CrossOrigin _crossOrigin;
    private readonly Permissions _access;
    private readonly Router _router;
    private readonly ServerMetrics _metrics = new();
    private readonly ServerState _state;
    private readonly ServerOptions _options;
    private readonly int _asked;
    private readonly LogWriter _log;
    private Task? _stop;

    /// <summary>A server that is not listening yet.</summary>
    /// <param name="options">All its knobs.</param>
    /// <param name="pages">The folder of the pages; null for those within the program.</param>
    /// <param name="log">Takes its log lines.</param>
    public SseServer(ServerOptions options, string? pages, LogWriter log)
    {
        _asked = options.MaxClients;
        _options = options = options with { MaxClients = Math.Min(options.MaxClients, Descriptors.MostClients) };
        _log = log;
        _listener = new RequestListener(options.Listener, AnswerAsync, log);
        var lanes = new LaneOptions
        {
            Heartbeat = options.Heartbeat,
            WriteTimeout = options.WriteTimeout,
            PresenceLimit = options.PresenceLimit,
            PositionOf = place => _hub!.PositionOf(place),
        };
        _lanes = new DeliveryLanes(options.Lanes, lanes, () => new LaneMeter(_metrics.Sweeps, _metrics.Latencies));
        _journal = options.Data is { } folder
            ? new FileLog(
                new(folder, options.History, options.HistoryAge, options.Sync, _metrics.JournalWrites, _metrics.JournalFlushes), log)
            : new MemoryLog();
        _hub = new EventHub(new HubLimits(options.History, options.HistoryAge, options.MaxChannels), _journal, _lanes);
        _state = new ServerState(options, _clients, _hub, _lanes, _journal);
        _metrics.Observe(() => _clients.Count, _hub, _lanes);
        _responses = new Responses(options.WriteTimeout, _metrics, log);
        _crossOrigin = new CrossOrigin(options.Cors, log);
        _access = new Permissions(options.Access, _crossOrigin);
        _router = new Router(
            new EventsEndpoint(options, _clients, _hub, _lanes, new ClientPlaces(options), _access, _responses, _metrics, log),
            new PublishEndpoint(options, _hub, _access, _responses, log),
            new ClientsEndpoint(_clients, _access, _responses),
            new StatusEndpoints(_state, _metrics, _access, _responses),
            new StaticFiles(pages, _responses),
            _crossOrigin,
            _responses);
    }

    /// <summary>The address to open in a browser on this machine.</summary>
    public Uri Address => new($"http://{(_options.Host == "+" ? "localhost" : _options.Host)}:{_options.Port}");

    /// <summary>The open streams, by client id.</summary>
    public IReadOnlyDictionary<string, Client> Clients => _clients;

    /// <summary>A number that does not stay as it is while there is something to do.</summary>
    public long Activity => _listener.Requests + _lanes.Events;

    /// <summary>Ends when nothing can be published any more, which only <see cref="StopAsync"/> should bring about.</summary>
    public Task Running { get; private set; } = Task.CompletedTask;

    /// <summary>Reads history back and begins to listen; false leaves a <paramref name="problem"/> that says why it cannot.</summary>
    public bool TryStart([NotNullWhen(false)] out string? problem)
    {
        if (!_journal.TryOpen(_hub.Restore, out problem))
        {
            return false;
        }

        _hub.Continue();
        try
        {
            _listener.Start();
        }
        catch (Exception e) when (e is HttpListenerException or SocketException)
        {
            problem = RequestListener.IsTaken(e) ? $"Port {_options.Port} is in use."
                : $"Cannot listen on {_options.Host}:{_options.Port}: {e.Message}.";
            return false;
        }

        if (_access.IsClosed)
        {
            _log.Warning("publishing is refused, since others than this machine can reach the server: set --publish-token or --jwt-key, "
                + "or --open-publish to let anyone publish");
        }
        else if (_access.NeedsNoToken && _options.TrustProxy && !_options.OpenPublish)
        {
            _log.Warning("whoever the proxy lets through can publish: set --publish-token or --jwt-key");
        }

        if (_options.JwtKey is { } key)
        {
            _log.Info($"tokens are verified by {key.Algorithm}");
        }

        if (_asked > _options.MaxClients)
        {
            _log.Info($"there can be {_options.MaxClients} clients, not {_asked}: "
                + $"--max-clients is limited by the {Descriptors.Limit} file descriptors (ulimit -n)");
        }

        problem = null;
        _state.Rates.Start();
        Running = _hub.RunAsync();
        return true;
    }

    /// <summary>
    /// Refuses newcomers, delivers what was accepted, ends the streams, lets the last answers out and closes the listener; all
    /// within 2.5 seconds and <see cref="ServerOptions.Drain"/>, whatever clients do.
    /// </summary>
    public Task StopAsync() => _stop ??= StopInOrderAsync();

    /// <inheritdoc/>
    public async ValueTask DisposeAsync() => await StopAsync();

    private async Task StopInOrderAsync()
    {
        using var stopLimit = new CancellationTokenSource(_deliveryLimit + _options.Drain + _answerLimit);
        using var deliveryLimit = new CancellationTokenSource(_deliveryLimit);
        _state.IsStopping = true;
        _hub.Complete();
        await WithinAsync(Running, deliveryLimit.Token);
        await WithinAsync(_lanes.DrainAsync(), deliveryLimit.Token);
        await ClosingStreams.CloseAsync(_clients, _options.Drain);
        await WithinAsync(_listener.AnswerAllAsync(), stopLimit.Token);
        await WithinAsync(Task.Run(_listener.Dispose, CancellationToken.None), stopLimit.Token);
        _lanes.Dispose();
        _hub.Dispose();
        _state.Dispose();
        await WithinAsync(Task.Run(_journal.Dispose, CancellationToken.None), stopLimit.Token);
        _metrics.Dispose();
    }

    private Task AnswerAsync(Exchange exchange)
    {
        RequestLog.Write(_log, exchange);
        _crossOrigin.Mark(exchange);
        return FindProblem(exchange) is var (status, detail) ? _responses.ProblemAsync(exchange, status, detail)
            : _state.IsStopping && exchange.Target.Path is not ("/status" or "/metrics") ? _responses.RefuseAsync(exchange, Refusal.Stopping)
            : _router.RouteAsync(exchange);
    }

    // What no endpoint would have to do with.
    private (int Status, string Detail)? FindProblem(Exchange exchange)
    {
        var host = exchange.Host;
        if (!_listener.AnswersTo(host))
        {
            return (421, $"The server does not answer to the name '{host}', but to {_options.Host}: see --host.");
        }

        if (ReferenceEquals(exchange.Target, RequestTarget.None))
        {
            return (400, "The URL has an escape that is not %XX, or whose bytes are not UTF-8.");
        }

        if (exchange.Target.HasTooMuch)
        {
            return (400, $"The URL may have at most {RequestTarget.MostParameters} parameters.");
        }

        return exchange.HeaderSize > _options.MaxHeader
            ? (431, $"The request line and the header fields may have at most {_options.MaxHeader} bytes (--max-header).")
            : null;
    }

    // Whatever becomes of a step, the next one takes care of what it left; why the hub failed is told by who waits for Running.
    private static async Task WithinAsync(Task step, CancellationToken limit) =>
        await step.WaitAsync(limit).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
}
