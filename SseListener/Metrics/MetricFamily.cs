using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;

namespace SseListener.Metrics;

/// <summary>An instrument's name and help as Prometheus has them, and what it has measured, by labels. Any thread may use it.</summary>
internal sealed class MetricFamily
{
    private readonly ConcurrentDictionary<string, Series> _series = new(StringComparer.Ordinal);
    private readonly string _type;
    private readonly string? _help;
    private readonly double[] _bounds;
    private readonly bool _isSum;

    /// <summary>A family that has measured nothing.</summary>
    public MetricFamily(Instrument instrument)
    {
        // An observable counter tells how much it is by now, a counter how much more.
        _isSum = instrument is Counter<long> or Counter<int> or Counter<double>;
        var isCounter = _isSum || instrument is ObservableCounter<long> or ObservableCounter<int> or ObservableCounter<double>;
        _type = instrument is Histogram<double> ? "histogram" : isCounter ? "counter" : "gauge";
        _help = instrument.Description;
        _bounds = [.. (instrument as Histogram<double>)?.Advice?.HistogramBucketBoundaries ?? []];
        Name = NameOf(instrument.Name, instrument.Unit, isCounter);
        if (_bounds.Length > 0)
        {
            // There before anything is recorded, so that a rate can be told from the first time on.
            _series[""] = new Series(_bounds);
        }
    }

    /// <summary>The name: words with underscores, the unit, and <c>_total</c> for what only grows.</summary>
    public string Name { get; }

    /// <summary>Takes a measurement.</summary>
    public void Take(double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var series = _series.GetOrAdd(tags.IsEmpty ? "" : LabelsOf(tags), static (_, bounds) => new Series(bounds), _bounds);
        if (_isSum)
        {
            series.Add(value);
        }
        else if (_bounds.Length > 0)
        {
            series.Record(value);
        }
        else
        {
            series.Set(value);
        }
    }

    /// <summary>Writes its lines.</summary>
    public void Write(StringBuilder text)
    {
        text.Append(CultureInfo.InvariantCulture, $"# HELP {Name} {_help?.Replace("\\", @"\\", StringComparison.Ordinal).Replace("\n", @"\n", StringComparison.Ordinal)}\n# TYPE {Name} {_type}\n");
        foreach (var (labels, series) in _series.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            series.Write(text, Name, labels);
        }
    }

    // docs: "Prometheus and OpenMetrics Compatibility" of OpenTelemetry.
    private static string NameOf(string name, string? unit, bool isCounter)
    {
        var suffix = unit switch
        {
            "s" => "_seconds",
            "By" => "_bytes",
            _ => "",
        };
        var words = name.Replace('.', '_');
        return $"{words}{(words.EndsWith(suffix, StringComparison.Ordinal) ? "" : suffix)}{(isCounter ? "_total" : "")}";
    }

    private static string LabelsOf(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var labels = new StringBuilder();
        foreach (var (name, value) in tags)
        {
            var text = Convert.ToString(value, CultureInfo.InvariantCulture) ?? "";
            var escaped = text.Replace("\\", @"\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", @"\n", StringComparison.Ordinal);
            labels.Append(labels.Length > 0 ? "," : "").Append(name.Replace('.', '_')).Append("=\"").Append(escaped).Append('"');
        }

        return labels.ToString();
    }
}
