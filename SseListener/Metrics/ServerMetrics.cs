using System.Diagnostics.Metrics;
using System.Reflection;
using System.Text.Json;
using SseListener.Cluster;
using SseListener.Delivery;
using SseListener.Events;

namespace SseListener.Metrics;

/// <summary>
/// Everything that is measured of a server, as instruments of one meter. <c>/metrics</c> shows them; <c>dotnet-counters</c> and
/// OpenTelemetry find them by the name <see cref="MeterName"/>. Deliveries are counted where they happen and only read here.
/// </summary>
internal sealed class ServerMetrics : IDisposable
{
    public const string MeterName = "SseListener";

    // Seconds; a lone event takes some 20 us, a sweep of 10,000 clients some 100 ms.
    private static readonly InstrumentAdvice<double> _times = new()
    {
        HistogramBucketBoundaries = [0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
    };

    private static readonly object[] _refusals =
    [
        "client_limit", "address_limit", "channel_limit",
        "missing_token", "invalid_token", "insufficient_scope", "forbidden", "bad_request", "stopping",
    ];

    private static readonly object[] _ends = [.. Enum.GetValues<EndReason>().Select(NameOf)];
    private static readonly object[] _statuses = [400, 401, 403, 408, 409, 411, 413, 415, 503];

    public static string Version { get; } =
        typeof(ServerMetrics).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion;

    private readonly DateTimeOffset _started = DateTimeOffset.UtcNow;
    private readonly Meter _meter = new(MeterName, Version);
    private readonly Counter<long> _refused;
    private readonly Counter<long> _ended;
    private readonly Counter<long> _errors;
    private long _connects;

    public ServerMetrics()
    {
        Text = new PrometheusText(_meter);
        Count("sse.connects", "{connect}", "Clients that were given a stream.", () => Connects);
        _refused = CountBy("reason", _refusals, "sse.connects.refused", "{connect}", "Clients that were given none, by reason.");
        _ended = CountBy("reason", _ends, "sse.streams.ended", "{stream}", "Streams that have ended, by reason.");
        _errors = CountBy(
            "status", _statuses, "sse.publish.errors", "{request}", "Publishes that were refused, by the status of the answer.");
        Sweeps = Histogram("sse.sweep.duration", "Time that a lane takes to go over the clients of a channel.");
        Latencies = Histogram(
            "sse.delivery.latency", "Time from an event's append until all clients of a lane that keep up have been sent it.");
        JournalWrites = Histogram("sse.journal.write.duration", "Time that it takes to append a batch to the journal.");
        JournalFlushes = Histogram(
            "sse.journal.flush.duration", "Time that it takes to bring the journal to the disk, which is done beside the appends.");
        Gauge("process.start_time", "s", "When the program was started, in Unix time.", () => _started.ToUnixTimeSeconds());
        Gauge("sse.build.info", null, "The program's version.", () => 1, Tag("version", Version));
    }

    public long Connects => Interlocked.Read(ref _connects);
    public TimeSpan Uptime => DateTimeOffset.UtcNow - _started;
    public PrometheusText Text { get; }
    public Histogram<double> Sweeps { get; }
    public Histogram<double> Latencies { get; }
    public Histogram<double> JournalWrites { get; }
    public Histogram<double> JournalFlushes { get; }

    /// <summary>Made when it is first asked for: only a hub of a cluster has it.</summary>
    public Histogram<double> ClusterAppends => field ??= Histogram(
        "sse.cluster.append.duration", "Time from sending a message to the cluster until it is stored.");

    public void Observe(Func<int> clients, int mostClients, EventHub hub, DeliveryLanes lanes)
    {
        Gauge("sse.clients", "{client}", "Clients that are connected.", () => clients());
        Gauge("sse.clients.limit", "{client}", "Clients that may be connected.", () => mostClients);
        Count("sse.events.published", "{event}", "Events that were published.", () => hub.Counts.Published);
        Count("sse.published", "By", "Bytes of the frames of events that were published.", () => hub.Counts.PublishedBytes);
        const string Delivered = "Events that were handed to clients' connections, joins and leaves among them.";
        Count("sse.events.delivered", "{event}", Delivered, () => lanes.Events);
        Count("sse.delivered", "By", "Bytes of events that were handed to clients' connections.", () => lanes.Bytes);
        Count("sse.events.replayed", "{event}", "Events that clients were given because they had missed them.", () => hub.Counts.Replayed);
        Count("sse.gaps", "{client}", "Clients that came back for something that is no longer kept.", () => hub.Counts.Gaps);
        Gauge("sse.channels", "{channel}", "Channels there are.", () => hub.Channels);
        Gauge("sse.patterns", "{pattern}", "Patterns that somebody listens to.", () => hub.Patterns);
        Gauge("sse.history.events", "{event}", "Events that are kept for clients that come back.", () => hub.Kept.Events);
        Gauge("sse.history", "By", "Bytes of events that are kept for clients that come back.", () => hub.Kept.Bytes);
    }

    public void Observe(SharedLog log)
    {
        Gauge("sse.cluster.behind", "{message}", "Messages that the cluster has stored, not applied here yet.", () => log.Behind);
        Gauge("sse.cluster.silence", "s", "Time since something was heard of the cluster.", () => (long)log.Silence.TotalSeconds);
        Count("sse.cluster.retries", "{message}", "Messages that were sent to the cluster again.", () => log.Meter.Retries);
        const string Duplicates = "Events that were stored twice, because a hub sent them again or two hubs were sent them.";
        Count("sse.cluster.duplicates", "{event}", Duplicates, () => log.Meter.Duplicates);
    }

    public void CountConnect() => Interlocked.Increment(ref _connects);
    public void CountRefused(string reason) => _refused.Add(1, Tag("reason", reason));
    public void CountEnded(EndReason reason) => _ended.Add(1, Tag("reason", NameOf(reason)));
    public void CountPublishError(int status) => _errors.Add(1, Tag("status", status));

    public static string NameOf(EndReason reason) => JsonNamingPolicy.SnakeCaseLower.ConvertName(reason.ToString());

    public void Dispose()
    {
        _meter.Dispose();
        Text.Dispose();
    }

    private static KeyValuePair<string, object?> Tag(string name, object value) => new(name, value);

    // A rate can be told from the first time on only if there was a zero before.
    private Counter<long> CountBy(string tag, IEnumerable<object> values, string name, string unit, string help)
    {
        var counter = _meter.CreateCounter<long>(name, unit, help);
        foreach (var value in values)
            counter.Add(0, Tag(tag, value));

        return counter;
    }

    private Histogram<double> Histogram(string name, string help) => _meter.CreateHistogram(name, "s", help, tags: null, _times);

    private void Count(string name, string unit, string help, Func<long> count) => _meter.CreateObservableCounter(name, count, unit, help);

    private void Gauge(string name, string? unit, string help, Func<long> value, params KeyValuePair<string, object?>[] tags) =>
        _meter.CreateObservableGauge(name, () => new Measurement<long>(value(), tags), unit, help);
}
