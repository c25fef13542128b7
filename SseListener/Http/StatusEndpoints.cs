using System.Net;
using System.Text;
using SseListener.Access;
using SseListener.Listener;
using SseListener.Metrics;

namespace SseListener.Http;

/// <summary>
/// <c>/healthz</c> for whoever asks, and for the operator <c>/status</c>, to be read by people, and <c>/metrics</c>, by Prometheus.
/// </summary>
internal sealed class StatusEndpoints(ServerState state, ServerMetrics metrics, Permissions access, Responses responses)
{
    /// <summary>Says whether the server can do its work.</summary>
    public Task HealthAsync(Exchange exchange)
    {
        var problem = state.Problem;
        if (problem is not null)
        {
            return responses.RefuseAsync(exchange, problem);
        }

        exchange.Response.Headers["Cache-Control"] = "no-store";
        return responses.SendAsync(exchange, (int)HttpStatusCode.OK, "application/json", """{"status":"ok"}"""u8.ToArray());
    }

    /// <summary>Tells what the server is doing.</summary>
    public Task StatusAsync(Exchange exchange) => ShowAsync(exchange, "application/json", () => StatusJson.Write(state, metrics));

    /// <summary>Tells everything that is measured.</summary>
    public Task MetricsAsync(Exchange exchange) => ShowAsync(exchange, PrometheusText.ContentType, () => Encoding.UTF8.GetBytes(metrics.Text.Write()));

    private async Task ShowAsync(Exchange exchange, string contentType, Func<byte[]> write)
    {
        if (await access.OperateAsync(exchange) is { } refusal)
        {
            await responses.RefuseAsync(exchange, refusal);
            return;
        }

        exchange.Response.Headers["Cache-Control"] = "no-store";
        await responses.SendAsync(exchange, (int)HttpStatusCode.OK, contentType, write());
    }
}
