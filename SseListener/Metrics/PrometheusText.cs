using System.Diagnostics.Metrics;

namespace SseListener.Metrics;

/// <summary>
/// Writes what a meter measures, and what the runtime measures of its memory, in Prometheus's text format. The libraries that do this
/// bring a web server, which this program is itself.
/// </summary>
internal sealed class PrometheusText : IDisposable
{
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    // Of .NET's runtime metrics what an operator of this program needs; the names of others break Prometheus's rules.
    private static readonly string[] _ofRuntime = ["dotnet.gc.", "dotnet.process.memory.", "dotnet.process.cpu.time"];

    private readonly Lock _writing = new();
    private readonly ConcurrentDictionary<string, MetricFamily> _families = new(StringComparer.Ordinal);
    private readonly MeterListener _listener = new();

    public PrometheusText(Meter meter)
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            // The meter itself, not its name: a process may have two servers.
            if (instrument.Meter != meter && !(instrument.Meter.Name == "System.Runtime" && _ofRuntime.Any(instrument.Name.StartsWith)))
                return;

            var family = new MetricFamily(instrument);
            _families[family.Name] = family;
            listener.EnableMeasurementEvents(instrument, family);
        };
        _listener.SetMeasurementEventCallback<long>((_, value, tags, family) => ((MetricFamily)family!).Record(value, tags));
        _listener.SetMeasurementEventCallback<double>((_, value, tags, family) => ((MetricFamily)family!).Record(value, tags));
        _listener.Start();
    }

    public string Write()
    {
        var text = new StringBuilder();

        // One caller at a time: another one could set an observed value back to an older one.
        lock (_writing)
        {
            _listener.RecordObservableInstruments();
            foreach (var (_, family) in _families.OrderBy(family => family.Key, StringComparer.Ordinal))
                family.Write(text);
        }

        return text.ToString();
    }

    public void Dispose() => _listener.Dispose();
}

/// <summary>What an instrument has measured, by labels, with the name and help that Prometheus expects. Any thread may use it.</summary>
internal sealed class MetricFamily(Instrument instrument)
{
    private readonly Lock _lock = new();
    private readonly SortedDictionary<string, (long[] Buckets, double Value)> _series = new(StringComparer.Ordinal);
    private readonly double[] _bounds = [.. (instrument as Histogram<double>)?.Advice?.HistogramBucketBoundaries ?? []];

    public string Name { get; } = NameOf(instrument);

    public void Record(double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var labels = tags.IsEmpty ? "" : LabelsOf(tags);
        var bucket = Array.BinarySearch(_bounds, value);
        lock (_lock)
        {
            if (!_series.TryGetValue(labels, out var series))
                series.Buckets = new long[_bounds.Length + 1];

            // A bucket counts what is at most its bound. An observable counter reports its value, another one how much it has grown.
            series.Buckets[bucket < 0 ? ~bucket : bucket]++;
            _series[labels] = (series.Buckets, instrument.IsObservable ? value : series.Value + value);
        }
    }

    public void Write(StringBuilder text)
    {
        text.Append($"# HELP {Name} {Escape(instrument.Description ?? "")}\n# TYPE {Name} {TypeOf(instrument)}\n");
        lock (_lock)
        {
            // Prometheus can tell a rate from the first measurement on only if there was a zero before.
            if (_bounds.Length > 0)
                _series.TryAdd("", (new long[_bounds.Length + 1], 0));

            foreach (var (labels, series) in _series)
            {
                if (_bounds.Length > 0)
                    WriteHistogram(text, labels, series.Buckets, series.Value);
                else
                    WriteLine(text, Name, labels, series.Value);
            }
        }
    }

    private void WriteHistogram(StringBuilder text, string labels, long[] buckets, double sum)
    {
        var total = 0L;
        for (var i = 0; i < buckets.Length; i++)
        {
            total += buckets[i];
            var bound = i < _bounds.Length ? _bounds[i].ToString(CultureInfo.InvariantCulture) : "+Inf";
            WriteLine(text, $"{Name}_bucket", $"{labels}{(labels.Length > 0 ? "," : "")}le=\"{bound}\"", total);
        }

        WriteLine(text, $"{Name}_sum", labels, sum);
        WriteLine(text, $"{Name}_count", labels, total);
    }

    private static void WriteLine(StringBuilder text, string name, string labels, double value) =>
        text.Append(CultureInfo.InvariantCulture, $"{name}{(labels.Length > 0 ? $"{{{labels}}}" : "")} {value:R}\n");

    private static string TypeOf(Instrument instrument) => instrument switch
    {
        Histogram<double> => "histogram",
        Counter<long> or ObservableCounter<long> or ObservableCounter<double> => "counter",
        _ => "gauge",
    };

    // docs: "Prometheus and OpenMetrics Compatibility" of OpenTelemetry.
    private static string NameOf(Instrument instrument)
    {
        var unit = instrument.Unit is "s" ? "_seconds" : instrument.Unit is "By" ? "_bytes" : "";
        var words = instrument.Name.Replace('.', '_');
        return (words.EndsWith(unit, StringComparison.Ordinal) ? words : words + unit) + (TypeOf(instrument) is "counter" ? "_total" : "");
    }

    private static string LabelsOf(ReadOnlySpan<KeyValuePair<string, object?>> tags) => string.Join(',', tags.ToArray().Select(
        tag => $"{tag.Key.Replace('.', '_')}=\"{Escape($"{tag.Value}").Replace("\"", "\\\"", StringComparison.Ordinal)}\""));

    private static string Escape(string text) =>
        text.Replace("\\", @"\\", StringComparison.Ordinal).Replace("\n", @"\n", StringComparison.Ordinal);
}
