using System.Globalization;

namespace SseListener.Tests.Support;

/// <summary>What <c>/metrics</c> says.</summary>
internal static class MetricsText
{
    /// <summary>The value of a series such as <c>sse_clients</c> or <c>sse_streams_ended_total{reason="left"}</c>; null when there is none.</summary>
    public static async Task<double?> MetricAsync(this TestServer server, string series)
    {
        var line = (await server.MetricsAsync()).Split('\n').SingleOrDefault(line => line.StartsWith(series + " ", StringComparison.Ordinal));
        return line is null ? null : double.Parse(line[(series.Length + 1)..], CultureInfo.InvariantCulture);
    }

    /// <summary>Waits until a series has a value.</summary>
    public static Task ExpectMetricAsync(this TestServer server, string series, double value) =>
        Wait.UntilAsync(async () => await server.MetricAsync(series) == value, $"{series} does not become {value}");

    public static async Task<string> MetricsAsync(this TestServer server) => await server.Http.GetStringAsync(new Uri("/metrics", UriKind.Relative));
}
