using SseListener.Access;
using SseListener.Delivery;
using SseListener.Events;
using SseListener.Journal;
using SseListener.Listener;
using SseListener.Log;
using SseListener.Metrics;

namespace SseListener.Http;

/// <summary>Puts the server together, starts it, and stops it in order and within bounds.</summary>
[SuppressMessage("Usage", "CA2213:Disposable fields should be disposed", Justification = "Disposing them is a step of the stop.")]
internal sealed class SseServer : IAsyncDisposable
{
    private static readonly TimeSpan _deliveryLimit = TimeSpan.FromSeconds(1.5);
    private static readonly TimeSpan _answerLimit = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan _closingStep = TimeSpan.FromMilliseconds(10);

    private readonly ConcurrentDictionary<string, Client> _clients = new(StringComparer.Ordinal);
    private readonly ServerMetrics _metrics = new();
    private readonly ServerOptions _options;
    private readonly int _askedClients;
    private readonly LogWriter _log;
    private readonly RequestListener _listener;
    private readonly DeliveryLanes _lanes;
    private readonly IEventLog _journal;
    private readonly EventHub _hub;
    private readonly Permissions _access;
    private readonly StatusEndpoints _status;
    private readonly Router _router;
    private Task? _stop;

    /// <summary>A server that is not listening yet. Without <paramref name="pages"/> it shows those within the program.</summary>
    public SseServer(ServerOptions options, string? pages, LogWriter log)
    {
        _askedClients = options.MaxClients;
        _options = options = options with { MaxClients = Math.Min(options.MaxClients, Descriptors.MostClients) };
        _log = log;
        _listener = new RequestListener(options.Listener, exchange => _router!.AnswerAsync(exchange), log);
        _lanes = CreateLanes();
        _journal = CreateJournal();
        _hub = new EventHub(new HubLimits(options.History, options.HistoryAge, options.MaxChannels), _journal, _lanes.Wake);
        _metrics.Observe(() => _clients.Count, _hub, _lanes);
        var responses = new Responses(options.WriteTimeout, _metrics, log);
        var crossOrigin = new CrossOrigin(options.Cors, log);
        _access = new Permissions(options, crossOrigin);
        _status = new StatusEndpoints(options, _clients, _hub, _lanes, _journal, _access, responses, _metrics);
        _router = new Router(
            options,
            _listener,
            _hub,
            new EventsEndpoint(options, _clients, _hub, _lanes, _access, responses, _metrics, log),
            new PublishEndpoint(options, _hub, _access, responses, log),
            _status,
            new StaticFiles(pages, responses),
            crossOrigin,
            responses,
            log);
    }

    /// <summary>The address to open in a browser on this machine.</summary>
    public Uri Address => new($"http://{(_options.Host == "+" ? "localhost" : _options.Host)}:{_options.Port}");

    /// <summary>The open streams, by client id.</summary>
    public IReadOnlyDictionary<string, Client> Clients => _clients;

    /// <summary>A number that grows while there is something to do.</summary>
    public long Activity => _listener.Requests + _lanes.Events;

    /// <summary>Ends when nothing can be published any more, which only <see cref="StopAsync"/> should bring about.</summary>
    public Task Running { get; private set; } = Task.CompletedTask;

    /// <summary>Reads history back and begins to listen; false leaves a <paramref name="problem"/> that says why it cannot.</summary>
    public bool TryStart([NotNullWhen(false)] out string? problem)
    {
        if (!_hub.TryOpen(out problem))
            return false;

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

        LogWarnings();
        _status.Start();
        Running = _hub.RunAsync();
        problem = null;
        return true;
    }

    /// <summary>
    /// Refuses newcomers, delivers what was accepted, ends the streams, lets the last answers out and closes the listener; all
    /// within 2.5 seconds and <see cref="ServerOptions.Drain"/>, whatever clients do.
    /// </summary>
    public Task StopAsync() => _stop ??= StopInOrderAsync();

    public async ValueTask DisposeAsync() => await StopAsync();

    private DeliveryLanes CreateLanes()
    {
        var lanes = new LaneOptions
        {
            Heartbeat = _options.Heartbeat,
            WriteTimeout = _options.WriteTimeout,
            PresenceLimit = _options.PresenceLimit,
            PositionOf = place => _hub!.PositionOf(place),
        };
        return new DeliveryLanes(_options.Lanes, lanes, () => new LaneMeter(_metrics.Sweeps, _metrics.Latencies));
    }

    private IEventLog CreateJournal() => _options.Data is not { } folder ? new MemoryLog() : new FileLog(
        new(folder, _options.History, _options.HistoryAge, _options.Sync, _metrics.JournalWrites, _metrics.JournalFlushes), _log);

    private void LogWarnings()
    {
        if (_access.IsClosed)
        {
            _log.Warning("publishing is refused, since others than this machine can reach the server: set --publish-token or --jwt-key, "
                + "or --open-publish to let anyone publish");
        }
        else if (_access.NeedsNoToken && _options.TrustProxy && !_options.OpenPublish)
        {
            _log.Warning("everybody whom the proxy lets through can publish: set --publish-token or --jwt-key");
        }

        if (_options.JwtKey is { } key)
            _log.Info($"tokens are verified by {key.Algorithm}");

        if (_askedClients > _options.MaxClients)
        {
            _log.Info($"there can be {_options.MaxClients} clients, not {_askedClients}: "
                + $"--max-clients is limited by the {Descriptors.Limit} file descriptors (ulimit -n)");
        }
    }

    private async Task StopInOrderAsync()
    {
        using var stopLimit = new CancellationTokenSource(_deliveryLimit + _options.Drain + _answerLimit);
        using var deliveryLimit = new CancellationTokenSource(_deliveryLimit);
        _hub.Complete();
        await WithinAsync(Running, deliveryLimit.Token);
        await WithinAsync(_lanes.DrainAsync(), deliveryLimit.Token);
        await CloseStreamsAsync();
        await WithinAsync(_listener.AnswerAllAsync(), stopLimit.Token);
        await WithinAsync(Task.Run(_listener.Dispose, CancellationToken.None), stopLimit.Token);
        _lanes.Dispose();
        _hub.Dispose();
        _status.Dispose();
        await WithinAsync(Task.Run(_journal.Dispose, CancellationToken.None), stopLimit.Token);
        _metrics.Dispose();
    }

    // Spread over a time, so that the clients do not all come back at once. Those that come meanwhile end themselves.
    private async Task CloseStreamsAsync()
    {
        var open = _clients.Values.ToArray();
        var started = Stopwatch.GetTimestamp();
        for (var ended = 0; ended < open.Length && !_clients.IsEmpty;)
        {
            var due = Math.Min(1, Stopwatch.GetElapsedTime(started) / _options.Drain) * open.Length;
            for (; ended < open.Length && ended <= due; ended++)
                open[ended].End(EndReason.ServerStop);

            if (ended < open.Length)
                await Task.Delay(_closingStep);
        }
    }

    // What a step leaves undone, the next one takes care of. StopAsync does not fail because the hub has.
    private static async Task WithinAsync(Task step, CancellationToken limit) =>
        await step.WaitAsync(limit).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
}
