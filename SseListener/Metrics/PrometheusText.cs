using System.Diagnostics.Metrics;
using System.Text;

namespace SseListener.Metrics;

/// <summary>
/// What a meter measures, and what the runtime measures of itself (its memory, its garbage collections, its threads), in
/// Prometheus's text format. The libraries that write it bring a web server of their own, which this program is to be itself.
/// </summary>
internal sealed class PrometheusText : IDisposable
{
    /// <summary>The format's media type.</summary>
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    // docs: .NET runtime metrics, built in since .NET 9.
    private const string RuntimeMeter = "System.Runtime";

    // Of the runtime, what an operator of this program asks for; other names of its are not as Prometheus wants them.
    private static readonly string[] _ofRuntime = ["dotnet.gc.", "dotnet.process.memory.", "dotnet.process.cpu.time"];

    private readonly Lock _lock = new();
    private readonly Lock _writing = new();
    private readonly SortedDictionary<string, MetricFamily> _families = new(StringComparer.Ordinal);
    private readonly MeterListener _listener = new();

    /// <summary>Listens to a meter from here on.</summary>
    public PrometheusText(Meter meter)
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            // The meter itself, not its name: a process may have two servers.
            if (instrument.Meter == meter || (instrument.Meter.Name == RuntimeMeter && _ofRuntime.Any(instrument.Name.StartsWith)))
            {
                listener.EnableMeasurementEvents(instrument, AddFamily(instrument));
            }
        };
        _listener.SetMeasurementEventCallback<int>((_, value, tags, family) => ((MetricFamily)family!).Take(value, tags));
        _listener.SetMeasurementEventCallback<long>((_, value, tags, family) => ((MetricFamily)family!).Take(value, tags));
        _listener.SetMeasurementEventCallback<double>((_, value, tags, family) => ((MetricFamily)family!).Take(value, tags));
        _listener.Start();
    }

    /// <summary>Writes all metrics as they are now.</summary>
    public string Write()
    {
        var text = new StringBuilder();

        // One after the other: between what one has looked at and what it writes another must not set an older value.
        lock (_writing)
        {
            _listener.RecordObservableInstruments();
            lock (_lock)
            {
                foreach (var family in _families.Values)
                {
                    family.Write(text);
                }
            }
        }

        return text.ToString();
    }

    /// <inheritdoc/>
    public void Dispose() => _listener.Dispose();

    private MetricFamily AddFamily(Instrument instrument)
    {
        var family = new MetricFamily(instrument);
        lock (_lock)
        {
            _families[family.Name] = family;
        }

        return family;
    }
}
