using System.Diagnostics.Metrics;

namespace SseListener.Metrics;

/// <summary>
/// Writes what a meter measures, and what the runtime measures of its memory, in Prometheus's text format. The libraries that do this
/// bring a web server, which this program is itself.
/// </summary>
internal sealed class PrometheusText : IDisposable
{
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    // docs: .NET runtime metrics, built in since .NET 9.
    private const string RuntimeMeter = "System.Runtime";

    // What an operator of this program needs; the names of other instruments break Prometheus's rules.
    private static readonly string[] _ofRuntime = ["dotnet.gc.", "dotnet.process.memory.", "dotnet.process.cpu.time"];

    private readonly Lock _writing = new();
    private readonly ConcurrentDictionary<string, MetricFamily> _families = new(StringComparer.Ordinal);
    private readonly MeterListener _listener = new();

    public PrometheusText(Meter meter)
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            // The meter itself, not its name: a process may have two servers.
            if (instrument.Meter == meter || (instrument.Meter.Name == RuntimeMeter && _ofRuntime.Any(instrument.Name.StartsWith)))
            {
                var family = new MetricFamily(instrument);
                _families[family.Name] = family;
                listener.EnableMeasurementEvents(instrument, family);
            }
        };
        _listener.SetMeasurementEventCallback<int>((_, value, tags, family) => ((MetricFamily)family!).Record(value, tags));
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
