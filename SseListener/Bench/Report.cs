using System.Text.Json;
using System.Text.Json.Serialization;

namespace SseListener.Bench;

/// <summary>Writes measurements as a table for people, or as JSON for programs.</summary>
internal static partial class Report
{
    private const int NameWidth = 26;
    private const int ValueWidth = 14;

    private static readonly (string Name, string Format, Func<Measurement, double?> Value, string[] Workloads)[] _rows =
    [
        ("time to connect all, s", "0.00", m => m.ConnectSeconds, ["crowd"]),
        ("memory a client, KB", "0.0", m => m.MemoryPerClient / 1024, ["crowd"]),
        ("time until all are live, s", "0.00", m => m.Seconds, ["catching up"]),
        ("MB/s", "0.0", m => m.BytesPerSecond / 1e6, ["catching up"]),
        ("deliveries/s", "N0", m => m.DeliveriesPerSecond, ["burst", "growing"]),
        ("events/s", "N0", m => m.EventsPerSecond, ["channels", "publishing", "batches"]),
        ("server CPU an event, us", "0.00", m => m.CpuMicroseconds, ["channels", "publishing", "batches"]),
        ("server CPU a delivery, us", "0.00", m => m.CpuMicroseconds, ["burst", "paced", "crowd", "growing"]),
        ("latency p50, ms", "0.00", m => m.LatencyP50, ["paced", "crowd", "channels"]),
        ("latency p99, ms", "0.00", m => m.LatencyP99, ["paced", "channels"]),
        ("latency max, ms", "0.00", m => m.LatencyMax, ["paced", "crowd"]),
    ];

    public static string Json(IReadOnlyList<Measurement> measurements) =>
        JsonSerializer.Serialize(new Verdict(measurements.All(m => m.IsFaultless), measurements), Format.Default.Verdict);

    /// <summary>The lines of one workload: a column for each server, and how the first compares with the others.</summary>
    public static IEnumerable<string> Table(IWorkload workload, IReadOnlyList<Measurement> columns)
    {
        yield return "";
        yield return $"{workload.Name}: {workload.Description}";
        var others = columns.Skip(1).ToList();
        yield return Line("", [.. columns.Select(column => column.Contender), .. others.Select(other => $"of {other.Contender}")]);
        foreach (var (name, format, value, _) in _rows.Where(row => row.Workloads.Contains(workload.Name)))
        {
            yield return Line(name,
            [
                .. columns.Select(column => value(column)?.ToString(format, CultureInfo.InvariantCulture) ?? "-"),
                .. others.Select(other => Ratio(value(columns[0]), value(other))),
            ]);
        }

        foreach (var column in columns.Where(column => !column.IsFaultless))
            yield return $"  {column.Contender}: WRONG: {column.Lost} lost, {column.Doubled} doubled, {column.Disordered} out of order";

        foreach (var column in columns.Where(column => column.IsSaturated))
            yield return $"  {column.Contender}: the bench itself was saturated; the server may do more";
    }

    private static string Line(string name, IEnumerable<string> values) =>
        $"  {name,-NameWidth}{string.Concat(values.Select(value => $"{value,ValueWidth}"))}";

    private static string Ratio(double? value, double? other) =>
        value / other is { } ratio && double.IsFinite(ratio) ? $"x {ratio:0.00}" : "-";

    private sealed record Verdict(bool Faultless, IReadOnlyList<Measurement> Measurements);

    // Generated at build time: a program that is compiled beforehand cannot reflect on its types.
    [JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
    [JsonSerializable(typeof(Verdict))]
    private sealed partial class Format : JsonSerializerContext;
}
