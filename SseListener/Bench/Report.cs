using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace SseListener.Bench;

/// <summary>The measurements as a table for people, or as JSON.</summary>
internal static partial class Report
{
    private const int NameWidth = 26;
    private const int ValueWidth = 14;

    private static readonly (string Name, Func<Measurement, string> Value, Func<Measurement, double?> Ratio)[] _rows =
    [
        ("time to connect all, s", m => Number(m.ConnectSeconds, "0.00"), m => m.ConnectSeconds),
        ("memory a client, KB", m => Number(m.MemoryPerClient / 1024, "0.0"), m => m.MemoryPerClient),
        ("time until all are live, s", m => Number(m.Seconds, "0.00"), m => m.Seconds),
        ("MB/s", m => Number(m.BytesPerSecond / 1e6, "0.0"), m => m.BytesPerSecond),
        ("deliveries/s", m => Number(m.DeliveriesPerSecond, "N0"), m => m.DeliveriesPerSecond),
        ("events/s", m => Number(m.EventsPerSecond, "N0"), m => m.EventsPerSecond),
        ("server CPU an event, us", m => Number(m.CpuMicroseconds, "0.00"), m => m.CpuMicroseconds),
        ("server CPU a delivery, us", m => Number(m.CpuMicroseconds, "0.00"), m => m.CpuMicroseconds),
        ("latency p50, ms", m => Number(m.LatencyP50, "0.00"), m => m.LatencyP50),
        ("latency p99, ms", m => Number(m.LatencyP99, "0.00"), m => m.LatencyP99),
        ("latency max, ms", m => Number(m.LatencyMax, "0.00"), m => m.LatencyMax),
    ];

    private static readonly Dictionary<string, string[]> _shown = new()
    {
        ["burst"] = ["deliveries/s", "server CPU a delivery, us"],
        ["paced"] = ["server CPU a delivery, us", "latency p50, ms", "latency p99, ms", "latency max, ms"],
        ["crowd"] = ["time to connect all, s", "memory a client, KB", "server CPU a delivery, us", "latency p50, ms", "latency max, ms"],
        ["growing"] = ["deliveries/s", "server CPU a delivery, us"],
        ["channels"] = ["events/s", "server CPU an event, us", "latency p50, ms", "latency p99, ms"],
        ["publishing"] = ["events/s", "server CPU an event, us"],
        ["batches"] = ["events/s", "server CPU an event, us"],
        ["catching up"] = ["MB/s", "time until all are live, s"],
    };

    /// <summary>Everything, for machines.</summary>
    public static string Json(IReadOnlyList<Measurement> measurements) =>
        JsonSerializer.Serialize(new Verdict(measurements.All(measurement => measurement.IsFaultless), measurements), Format.Default.Verdict);

    /// <summary>The rows of one workload: a column for each server, and how the first compares with the others.</summary>
    public static IEnumerable<string> Table(IWorkload workload, IReadOnlyList<Measurement> columns)
    {
        yield return "";
        yield return $"{workload.Name}: {workload.Description}";
        yield return Line("", columns.Select(column => column.Contender)) + string.Concat(columns.Skip(1).Select(column => $"{$"of {column.Contender}",ValueWidth}"));
        foreach (var row in _rows.Where(row => _shown[workload.Name].Contains(row.Name)))
        {
            yield return Line(row.Name, columns.Select(row.Value))
                + string.Concat(columns.Skip(1).Select(column => $"{Ratio(row.Ratio(columns[0]), row.Ratio(column)),ValueWidth}"));
        }

        foreach (var column in columns)
        {
            if (!column.IsFaultless)
            {
                yield return $"  {column.Contender}: WRONG: {column.Lost} lost, {column.Doubled} doubled, {column.Disordered} out of order";
            }

            if (column.IsSaturated)
            {
                yield return $"  {column.Contender}: the bench itself was saturated; the server may do more";
            }
        }
    }

    private static string Line(string name, IEnumerable<string> values) =>
        $"  {name,-NameWidth}{string.Concat(values.Select(value => $"{value,ValueWidth}"))}";

    private static string Number(double? value, string format) => value?.ToString(format, CultureInfo.InvariantCulture) ?? "-";

    private static string Ratio(double? value, double? other) => value / other is { } ratio && double.IsFinite(ratio)
        ? string.Create(CultureInfo.InvariantCulture, $"x {ratio:0.00}")
        : "-";

    private sealed record Verdict(bool Faultless, IReadOnlyList<Measurement> Measurements);

    // Generated when the program is built: one that is compiled beforehand cannot look at its types.
    [JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
    [JsonSerializable(typeof(Verdict))]
    private sealed partial class Format : JsonSerializerContext;
}
