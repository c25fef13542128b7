using SseListener.Access;
using SseListener.Delivery;
using SseListener.Events;
using SseListener.Listener;
using SseListener.Log;
using SseListener.Metrics;

namespace SseListener.Http;

/// <summary><c>/healthz</c> for everybody, and for the operator <c>/status</c> (for people) and <c>/metrics</c> (for Prometheus).</summary>
internal sealed class StatusEndpoints(
    ServerOptions options, ConcurrentDictionary<string, Client> clients, EventHub hub, DeliveryLanes lanes, IEventLog journal,
    Permissions access, Responses responses, ServerMetrics metrics) : IDisposable
{
    private readonly Rates _rates = new(() => [hub.Counts.Published, hub.Counts.PublishedBytes, lanes.Events, lanes.Bytes]);

    private Refusal? Problem => hub.IsComplete ? Refusal.Stopping
        : journal.Problem is { } problem ? Refusal.Later(503, journal.IsShared ? "cluster" : "journal", problem)
        : null;

    public void Start() => _rates.Start();
    public void Dispose() => _rates.Dispose();

    public Task<Refusal?> HealthAsync(Exchange exchange) => ShowAsync(exchange, Problem, "application/json", () => """{"status":"ok"}""");

    public async Task<Refusal?> StatusAsync(Exchange exchange) =>
        await ShowAsync(exchange, await access.CheckOperateAsync(exchange), "application/json", WriteStatus);

    public async Task<Refusal?> MetricsAsync(Exchange exchange) =>
        await ShowAsync(exchange, await access.CheckOperateAsync(exchange), PrometheusText.ContentType, metrics.Text.Write);

    private async Task<Refusal?> ShowAsync(Exchange exchange, Refusal? refusal, string contentType, Func<string> write)
    {
        if (refusal is null)
            await responses.SendTextAsync(exchange, contentType, write());

        return refusal;
    }

    private string WriteStatus()
    {
        var (kept, rates) = (hub.Kept, _rates.Read());
        return string.Create(CultureInfo.InvariantCulture, $$"""
            {
              "version": {{JsonText.Quote(ServerMetrics.Version)}},
              "status": {{JsonText.Quote(Problem?.Detail ?? "ok")}},
              "uptimeSeconds": {{(long)metrics.Uptime.TotalSeconds}},
              "lanes": {{options.Lanes}},
              "clients": {
                "now": {{clients.Count}},
                "ever": {{metrics.Connects}},
                "limit": {{options.MaxClients}}
              },
              "channels": {
                "now": {{hub.Channels}},
                "patterns": {{hub.Patterns}},
                "limit": {{options.MaxChannels}}
              },
              "history": {
                "events": {{kept.Events}},
                "bytes": {{kept.Bytes}},
                "limitBytes": {{options.History}},
                "journal": {{(options.Data is null || options.Cluster.IsUsed ? "false" : "true")}}
              },
              "perSecond": {
                "overSeconds": {{Rates.Window}},
                "eventsPublished": {{rates[0]}},
                "bytesPublished": {{rates[1]}},
                "eventsDelivered": {{rates[2]}},
                "bytesDelivered": {{rates[3]}}
              }
            }

            """);
    }
}
