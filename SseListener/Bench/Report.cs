using System.Text.Json;
using System.Text.Json.Serialization;

namespace SseListener.Bench;

/// <summary>
/// What one server did with one workload. The server's CPU time is in microseconds for each delivery, or for each event where nobody
/// subscribes; latencies, from the publish to the delivery, are in milliseconds; memory is in bytes. What the bench cannot see is null.
/// </summary>
internal sealed record Measurement(
    string Contender, string Workload, int Clients, int Events, double Seconds, double? CpuMicroseconds,
    double ConnectSeconds = 0, long Delivered = 0, double LatencyP50 = 0, double LatencyP99 = 0, double LatencyMax = 0,
    double? MemoryPerClient = null, long Lost = 0, long Doubled = 0, long Disordered = 0)
{
    public double DeliveriesPerSecond => Delivered / Seconds;
    public double EventsPerSecond => Events / Seconds;

    /// <summary>Whether every subscriber got every event once and in order.</summary>
    public bool IsFaultless => Lost == 0 && Doubled == 0 && Disordered == 0;
}

/// <summary>Writes measurements as a table for people, or as JSON for programs.</summary>
internal static partial class Report
{
    private static readonly (string Name, string Format, Func<Measurement, double?> Value, string[] Workloads)[] _rows =
    [
        ("time to connect all, s", "0.00", m => m.ConnectSeconds, ["crowd"]),
        ("memory a client, KB", "0.0", m => m.MemoryPerClient / 1024, ["crowd"]),
        ("time until all are live, s", "0.00", m => m.Seconds, ["catching up"]),
        ("deliveries/s", "N0", m => m.DeliveriesPerSecond, ["burst"]),
        ("events/s", "N0", m => m.EventsPerSecond, ["publishing", "batches"]),
        ("server CPU an event, us", "0.00", m => m.CpuMicroseconds, ["publishing", "batches"]),
        ("server CPU a delivery, us", "0.00", m => m.CpuMicroseconds, ["burst", "paced", "crowd"]),
        ("latency p50, ms", "0.00", m => m.LatencyP50, ["paced", "crowd", "same hub", "other hub"]),
        ("latency p99, ms", "0.00", m => m.LatencyP99, ["paced", "same hub", "other hub"]),
        ("latency max, ms", "0.00", m => m.LatencyMax, ["paced", "crowd"]),
    ];

    public static string Json(IReadOnlyList<Measurement> measurements) =>
        JsonSerializer.Serialize(new Verdict(measurements.All(m => m.IsFaultless), measurements), Format.Default.Verdict);

    /// <summary>The lines of one workload: a column for each server, and how the first compares with the others.</summary>
    public static IEnumerable<string> Table(IWorkload workload, IReadOnlyList<Measurement> columns)
    {
        var others = columns.Skip(1).ToList();
        yield return $"\n{workload.Name}: {workload.Description}";
        yield return Line("", columns.Select(column => column.Contender), others.Select(other => $"of {other.Contender}"));
        foreach (var (name, format, value, _) in _rows.Where(row => row.Workloads.Contains(workload.Name)))
        {
            var values = columns.Select(column => value(column)?.ToString(format, CultureInfo.InvariantCulture) ?? "-");
            var ratios = others.Select(other => value(columns[0]) / value(other));
            yield return Line(name, values, ratios.Select(ratio => ratio is { } x && double.IsFinite(x) ? $"x {x:0.00}" : "-"));
        }

        foreach (var column in columns.Where(column => !column.IsFaultless))
            yield return $"  {column.Contender}: WRONG: {column.Lost} lost, {column.Doubled} doubled, {column.Disordered} out of order";
    }

    private static string Line(string name, IEnumerable<string> values, IEnumerable<string> ratios) =>
        $"  {name,-26}{string.Concat(values.Concat(ratios).Select(value => $"{value,14}"))}";

    private sealed record Verdict(bool Faultless, IReadOnlyList<Measurement> Measurements);

    // Generated at build time: a program that is compiled beforehand cannot reflect on its types.
    [JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
    [JsonSerializable(typeof(Verdict))]
    private sealed partial class Format : JsonSerializerContext;
}
