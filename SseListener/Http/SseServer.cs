using SseListener.Access;
using SseListener.Cluster;
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
    private readonly LogWriter _log;
    private readonly RequestListener _listener;
    private readonly DeliveryLanes _lanes;
    private readonly IEventLog _eventLog;
    private readonly Neighbours? _neighbours;
    private readonly EventHub _hub;
    private readonly KeyRing _keys;
    private readonly Permissions _access;
    private readonly StatusEndpoints _status;
    private readonly EventsEndpoint _events;
    private readonly DismissEndpoint _dismiss;
    private readonly ChannelsEndpoint _channels;
    private readonly Router _router;
    private Task? _stop;

    /// <summary>A server that is not listening yet. Without <paramref name="pages"/> it shows those within the program.</summary>
    public SseServer(ServerOptions options, string? pages, LogWriter log)
    {
        (_options, _log) = (options, log);
        var bounded = options with { MaxClients = Math.Min(options.MaxClients, Descriptors.MostClients) };
        _listener = new RequestListener(bounded, exchange => _router!.AnswerAsync(exchange), log);
        var limits = new HubLimits(bounded.History, bounded.HistoryAge, bounded.MaxChannels) { Rules = bounded.Keep };
        _eventLog = CreateEventLog(limits);
        _neighbours = _eventLog is SharedLog shared ? new Neighbours(shared, bounded.Cluster, log) : null;
        _lanes = CreateLanes();
        _hub = new EventHub(limits, _eventLog, _lanes.Wake, () => BreakStreams(EndReason.Lapped));
        _metrics.Observe(() => _clients.Count, bounded.MaxClients, _hub, _lanes);
        var responses = new Responses(bounded, _metrics, log);
        var crossOrigin = new CrossOrigin(bounded.Cors, log);
        _keys = new KeyRing(bounded, log);
        _access = new Permissions(bounded, _keys, crossOrigin);
        _status = new StatusEndpoints(bounded, _clients, _hub, _lanes, _eventLog, _access, responses, _metrics);
        var history = new HistoryEndpoint(_hub, _access, responses);
        _events = new EventsEndpoint(bounded, _clients, _hub, _lanes, _access, history, responses, _metrics, log);
        _dismiss = new DismissEndpoint(_clients, _neighbours, _access, responses);
        var publish = new PublishEndpoint(bounded, _hub, _access, responses, log);
        var files = new StaticFiles(pages, responses);
        _channels = new ChannelsEndpoint(bounded, _hub, _lanes.Roster, _neighbours, _access, responses);
        _router = new Router(bounded, _listener, _hub, _events, _dismiss, _channels, publish, _status, files, crossOrigin, responses, log);
    }

    /// <summary>Who may do what.</summary>
    public Permissions Access => _access;

    /// <summary>The open streams, by client id.</summary>
    public IReadOnlyDictionary<string, Client> Clients => _clients;

    /// <summary>How many clients the other hubs of a cluster have on a channel, as far as is known.</summary>
    public int ClientsElsewhere(string channel) => _neighbours?.ClientsOf(channel) ?? 0;

    /// <summary>A number that grows while there is something to do.</summary>
    public long Activity => _listener.Requests + _lanes.Events;

    /// <inheritdoc cref="Router.Routes"/>
    public IEnumerable<(string Method, string Path, IReadOnlyList<string> Known)> Routes => _router.Routes;

    /// <summary>Ends when nothing can be published any more, which only <see cref="StopAsync"/> should bring about.</summary>
    public Task Running { get; private set; } = Task.CompletedTask;

    /// <summary>Reads history back and begins to listen; false leaves a <paramref name="problem"/> that says why it cannot.</summary>
    public bool TryStart([NotNullWhen(false)] out string? problem)
    {
        if (!_hub.TryOpen(out problem))
            return false;

        Running = _hub.RunAsync();
        if (!Task.Run(_hub.CatchUpAsync).GetAwaiter().GetResult())
        {
            problem = _eventLog.Problem ?? "The cluster's log cannot be read.";
            return false;
        }

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
        ListenToNeighbours();
        _keys.Start();
        _status.Start();
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
        var (heartbeat, writeTimeout, presenceLimit) = (_options.Heartbeat, _options.WriteTimeout, _options.PresenceLimit);
        var lanes = new LaneOptions(heartbeat, writeTimeout, presenceLimit,
            topic => topic.Clients + ClientsElsewhere(topic.Name), place => _hub!.Positions.Encode(place));
        var meter = () => new LaneMeter(_metrics.Sweeps, _metrics.Latencies);
        return new DeliveryLanes(_options.Lanes, lanes, meter, _neighbours is null ? null : AnnounceElsewhere);
    }

    private void AnnounceElsewhere(PresenceChange change, IReadOnlyList<Topic> topics) =>
        _neighbours!.Announce(change.Client, change.User, change.HasJoined, topics.Select(topic => (topic.Name, topic.Clients)));

    private void ListenToNeighbours()
    {
        async Task<IReadOnlyList<(string, int)>> CountAsync() =>
            [.. from topic in await _hub.FindListenedAsync(channels: null) ?? [] select (topic.Name, topic.Clients)];

        async Task TellAsync(PresenceMessage message)
        {
            // First noted: who begins to listen after that may ask for it.
            string[] channels = [.. message.Counts.Select(count => count.Channel)];
            var change = new PresenceChange(message.Subject, message.User, channels, message.Kind is PresenceKind.Join);
            change = _lanes.Roster.Note(change);
            if (await _hub.FindListenedAsync(channels) is { Count: > 0 } topics)
                _lanes.Tell(change, topics);
        }

        _neighbours?.Start(TellAsync, CountAsync, _dismiss.DismissAsync, _channels.AttendAsync);
    }

    private IEventLog CreateEventLog(HubLimits limits)
    {
        if (_options.Cluster.IsUsed)
        {
            var log = new SharedLog(_options.Cluster, limits, new ClusterMeter(_metrics.ClusterAppends), _log);
            _metrics.Observe(log);
            return log;
        }

        return _options.Data is not { } folder ? new MemoryLog() : new FileLog(
            new(folder, limits.AllBytes, limits.LongestAge, _options.Sync, _metrics.JournalWrites, _metrics.JournalFlushes)
            {
                CleanEvery = limits.Rules.Count > 0 ? limits.ShortestAge / 8 : null,
            }, _log);
    }

    private void BreakStreams(EndReason reason)
    {
        foreach (var (_, client) in _clients)
            client.End(reason);
    }

    private void LogWarnings()
    {
        const string Refused = "publishing is refused, since others than this machine can reach the server: set --publish-token or "
            + "--jwt-key, or --open-publish to let anyone publish";
        if (_access.IsClosed)
            _log.Warning(Refused);
        else if (_access.NeedsNoToken && _options.TrustProxy && !_options.OpenPublish)
            _log.Warning("everybody whom the proxy lets through can publish: set --publish-token or --jwt-key");

        if (_options.JwtKey.Count > 0)
            _log.Info($"tokens are verified by {string.Join(", ", _options.JwtKey.SelectMany(key => key.Algorithms).Distinct())}");

        if (_options.MaxClients > Descriptors.MostClients)
        {
            _log.Info($"there can be {Descriptors.MostClients} clients, not {_options.MaxClients}: "
                + $"--max-clients is limited by the {Descriptors.Limit} file descriptors (ulimit -n)");
        }
    }

    private async Task StopInOrderAsync()
    {
        using var stopLimit = new CancellationTokenSource(_deliveryLimit + _options.Drain + _answerLimit);
        using var deliveryLimit = new CancellationTokenSource(_deliveryLimit);
        _keys.Dispose();
        _ = _hub.CompleteAsync(_deliveryLimit / 2);
        await WithinAsync(Running, deliveryLimit.Token);
        await WithinAsync(_lanes.DrainAsync(), deliveryLimit.Token);
        await WithinAsync(ServeNewcomersAsync(deliveryLimit.Token), deliveryLimit.Token);
        await CloseStreamsAsync();
        await WithinAsync(_listener.AnswerAllAsync(), stopLimit.Token);
        await WithinAsync(Task.Run(_listener.Dispose, CancellationToken.None), stopLimit.Token);
        await WithinAsync(_neighbours?.StopAsync() ?? Task.CompletedTask, stopLimit.Token);
        _lanes.Dispose();
        _hub.Dispose();
        _status.Dispose();
        await WithinAsync(Task.Run(_eventLog.Dispose, CancellationToken.None), stopLimit.Token);
        _metrics.Dispose();
    }

    // Those that have been greeted and no lane has yet are to get what was accepted, too; behind the others, who do not wait for them.
    private async Task ServeNewcomersAsync(CancellationToken limit)
    {
        while (_clients.Values.Any(client => client.Lane is null))
            await Task.Delay(_closingStep, limit);

        await _lanes.DrainAsync();
    }

    // Spread over a time, so that the clients do not all come back at once. Those that come meanwhile end themselves.
    private async Task CloseStreamsAsync()
    {
        _events.Close();
        var (open, started) = (_clients.Values.ToArray(), Stopwatch.GetTimestamp());
        for (var i = 0; i < open.Length; i++)
        {
            while (!_clients.IsEmpty && Stopwatch.GetElapsedTime(started) < _options.Drain * i / open.Length)
                await Task.Delay(_closingStep);

            open[i].End(EndReason.ServerStop);
        }
    }

    // What a step leaves undone, the next one takes care of. StopAsync does not fail because the hub has.
    private static async Task WithinAsync(Task step, CancellationToken limit) =>
        await step.WaitAsync(limit).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
}
