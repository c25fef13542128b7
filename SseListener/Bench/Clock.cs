namespace SseListener.Bench;

/// <summary>Measures the time, and the CPU time of the server and of the bench, from its creation on.</summary>
internal sealed class Clock(Contender contender)
{
    private const double Saturated = 0.95;

    private readonly long _started = Stopwatch.GetTimestamp();
    private readonly double? _server = contender.CpuSeconds;
    private readonly TimeSpan _bench = Environment.CpuUsage.TotalTime;

    /// <summary>CPU time of the server, in seconds; null when it is not the bench's own process.</summary>
    public double? ServerSeconds => contender.CpuSeconds - _server;

    /// <summary>Seconds until a timestamp of <see cref="Stopwatch"/>; never 0.</summary>
    public double SecondsUntil(long timestamp) => Math.Max(Stopwatch.GetElapsedTime(_started, timestamp).TotalSeconds, 1e-6);

    /// <summary>Whether, within these seconds, the bench took most of a machine that had nothing left.</summary>
    public bool IsSaturated(double seconds)
    {
        var bench = (Environment.CpuUsage.TotalTime - _bench).TotalSeconds;
        var server = ServerSeconds ?? 0;
        return bench > server && bench + server > Saturated * seconds * Environment.ProcessorCount;
    }
}
