using System.Diagnostics.Metrics;

namespace SseListener.Metrics;

/// <summary>What an instrument has measured, by labels, with the name and help that Prometheus expects. Any thread may use it.</summary>
internal sealed class MetricFamily
{
    private readonly Lock _lock = new();
    private readonly SortedDictionary<string, Series> _series = new(StringComparer.Ordinal);
    private readonly string _type;
    private readonly string _help;
    private readonly double[] _bounds;
    private readonly bool _isSum;

    public MetricFamily(Instrument instrument)
    {
        var isHistogram = instrument is Histogram<double>;

        // An observable counter reports its value, a counter by how much it has grown.
        var isIncrement = instrument is Counter<long> or Counter<int> or Counter<double>;
        var isCounter = isIncrement || instrument is ObservableCounter<long> or ObservableCounter<int> or ObservableCounter<double>;
        _isSum = isIncrement || isHistogram;
        _type = isHistogram ? "histogram" : isCounter ? "counter" : "gauge";
        _help = Escape(instrument.Description ?? "");
        _bounds = [.. (instrument as Histogram<double>)?.Advice?.HistogramBucketBoundaries ?? []];
        Name = NameOf(instrument.Name, instrument.Unit, isCounter);

        // Prometheus can tell a rate from the first measurement on only if there was a zero before.
        if (isHistogram)
            _series[""] = new Series(_bounds.Length + 1);
    }

    /// <summary>The name: words with underscores, the unit, and <c>_total</c> for a counter.</summary>
    public string Name { get; }

    public void Record(double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var labels = tags.IsEmpty ? "" : LabelsOf(tags);
        var bucket = Array.BinarySearch(_bounds, value);
        lock (_lock)
        {
            if (!_series.TryGetValue(labels, out var series))
                _series[labels] = series = new Series(_bounds.Length + 1);

            // A bucket counts what is less than or equal to its bound.
            series.Buckets[bucket < 0 ? ~bucket : bucket]++;
            series.Value = _isSum ? series.Value + value : value;
        }
    }

    public void Write(StringBuilder text)
    {
        text.Append(CultureInfo.InvariantCulture, $"# HELP {Name} {_help}\n# TYPE {Name} {_type}\n");
        lock (_lock)
        {
            foreach (var (labels, series) in _series)
            {
                if (_bounds.Length > 0)
                    WriteHistogram(text, labels, series);
                else
                    WriteLine(text, Name, labels, series.Value);
            }
        }
    }

    private void WriteHistogram(StringBuilder text, string labels, Series series)
    {
        var total = 0L;
        for (var i = 0; i < series.Buckets.Length; i++)
        {
            total += series.Buckets[i];
            var bound = i < _bounds.Length ? _bounds[i].ToString(CultureInfo.InvariantCulture) : "+Inf";
            WriteLine(text, $"{Name}_bucket", $"{labels}{(labels.Length > 0 ? "," : "")}le=\"{bound}\"", total);
        }

        WriteLine(text, $"{Name}_sum", labels, series.Value);
        WriteLine(text, $"{Name}_count", labels, total);
    }

    private static void WriteLine(StringBuilder text, string name, string labels, double value) =>
        text.Append(CultureInfo.InvariantCulture, $"{name}{(labels.Length > 0 ? $"{{{labels}}}" : "")} {value:R}\n");

    // docs: "Prometheus and OpenMetrics Compatibility" of OpenTelemetry.
    private static string NameOf(string name, string? unit, bool isCounter)
    {
        var suffix = unit is "s" ? "_seconds" : unit is "By" ? "_bytes" : "";
        var words = name.Replace('.', '_');
        return $"{words}{(words.EndsWith(suffix, StringComparison.Ordinal) ? "" : suffix)}{(isCounter ? "_total" : "")}";
    }

    private static string LabelsOf(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var labels = new List<string>(tags.Length);
        foreach (var (name, value) in tags)
        {
            var text = Escape(Convert.ToString(value, CultureInfo.InvariantCulture) ?? "").Replace("\"", "\\\"", StringComparison.Ordinal);
            labels.Add($"{name.Replace('.', '_')}=\"{text}\"");
        }

        return string.Join(',', labels);
    }

    private static string Escape(string text) =>
        text.Replace("\\", @"\\", StringComparison.Ordinal).Replace("\n", @"\n", StringComparison.Ordinal);

    private sealed class Series(int buckets)
    {
        public long[] Buckets { get; } = new long[buckets];
        public double Value { get; set; }
    }
}
