using System.Diagnostics.Metrics;

namespace SseListener.Delivery;

/// <summary>What a lane has delivered, and how long that took. The lane's thread counts; any thread may read.</summary>
/// <param name="sweeps">Takes how long sweeps last, in seconds.</param>
/// <param name="latencies">Takes the time from an append to the end of the sweep that delivers it, in seconds.</param>
internal sealed class LaneMeter(Histogram<double> sweeps, Histogram<double> latencies)
{
    private long _events;
    private long _bytes;

    /// <summary>Events that were handed to connections, joins and leaves included, also where the write then failed.</summary>
    public long Events => Volatile.Read(ref _events);
    public long Bytes => Volatile.Read(ref _bytes);

    public void CountWrite(int events, int bytes)
    {
        // Not interlocked, because only one thread writes.
        Volatile.Write(ref _events, _events + events);
        Volatile.Write(ref _bytes, _bytes + bytes);
    }

    /// <summary>Records a sweep; the times are those of <see cref="Stopwatch.GetTimestamp"/>.</summary>
    public void RecordSweep(long dueSince, long began, long ended)
    {
        sweeps.Record(Stopwatch.GetElapsedTime(began, ended).TotalSeconds);
        latencies.Record(Stopwatch.GetElapsedTime(dueSince, ended).TotalSeconds);
    }
}
