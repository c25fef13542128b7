namespace SseListener.Metrics;

/// <summary>How much counts have grown a second lately. Any thread may use it.</summary>
/// <param name="counts">Reads the counts: always as many numbers, which only grow.</param>
internal sealed class Rates(Func<long[]> counts) : IDisposable
{
    /// <summary>In seconds.</summary>
    public const int Window = 10;
    private readonly Lock _lock = new();
    private readonly Queue<(long Time, long[] Counts)> _samples = new([(Environment.TickCount64, counts())]);
    private Timer? _timer;

    public void Start() => _timer = new Timer(_ => Sample(), state: null, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));

    /// <summary>Each count's growth a second, over the window or since the start.</summary>
    public double[] Read()
    {
        var now = Environment.TickCount64;
        var latest = counts();
        lock (_lock)
        {
            var (time, former) = _samples.Peek();
            var seconds = Math.Max(1, now - time) / 1000.0;
            return [.. latest.Zip(former, (count, before) => Math.Round((count - before) / seconds, 1))];
        }
    }

    public void Dispose() => _timer?.Dispose();

    private void Sample()
    {
        var sample = (Environment.TickCount64, counts());
        lock (_lock)
        {
            _samples.Enqueue(sample);
            if (_samples.Count > Window)
                _samples.Dequeue();
        }
    }
}
