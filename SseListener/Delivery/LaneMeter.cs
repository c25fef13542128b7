using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace SseListener.Delivery;

/// <summary>What a lane has delivered, and how long that took. The lane's thread counts; any thread may read.</summary>
/// <param name="sweeps">Takes how long sweeps last, in seconds.</param>
/// <param name="latencies">Takes how long it is from an append to the end of the sweep that delivers it, in seconds.</param>
internal sealed class LaneMeter(Histogram<double> sweeps, Histogram<double> latencies)
{
    private long _events;
    private long _bytes;

    /// <summary>Events that were handed to connections, joins and leaves among them; those of a write that fails too.</summary>
    public long Events => Volatile.Read(ref _events);

    /// <summary>Their bytes.</summary>
    public long Bytes => Volatile.Read(ref _bytes);

    /// <summary>Counts a write.</summary>
    public void CountWrite(int events, int bytes)
    {
        // No interlocked operation: one thread writes, and a delivery is to cost nothing more for being counted.
        Volatile.Write(ref _events, _events + events);
        Volatile.Write(ref _bytes, _bytes + bytes);
    }

    /// <summary>Records a sweep; times are as <see cref="Stopwatch.GetTimestamp"/> gives them.</summary>
    public void RecordSweep(long appended, long started, long ended)
    {
        sweeps.Record(Stopwatch.GetElapsedTime(started, ended).TotalSeconds);
        latencies.Record(Stopwatch.GetElapsedTime(appended, ended).TotalSeconds);
    }
}
