using System.Diagnostics.Metrics;
using SseListener.Events;

namespace SseListener.Delivery;

/// <summary>All lanes of a server, which get new clients in turn.</summary>
internal sealed class DeliveryLanes : IDisposable
{
    private readonly DeliveryLane[] _lanes;
    private static readonly TimeSpan _clockMargin = TimeSpan.FromSeconds(5); // Of several hubs.
    private readonly Action<PresenceChange, IReadOnlyList<Topic>>? _announceElsewhere;
    private uint _next;

    /// <summary>Starts them; <paramref name="announceElsewhere"/> is told of their clients' joins and leaves, and must not wait.</summary>
    public DeliveryLanes(
        int count, LaneOptions options, Func<LaneMeter> createMeter, Action<PresenceChange, IReadOnlyList<Topic>>? announceElsewhere = null)
    {
        _announceElsewhere = announceElsewhere;
        Roster = new Roster(options.PresenceLimit > 0, announceElsewhere is null ? 0 : (long)_clockMargin.TotalMicroseconds);
        _lanes = [.. Enumerable.Range(1, count)
            .Select(number => new DeliveryLane($"lane {number}", options, Roster, createMeter(), Announce))];
    }

    /// <summary>Who is on which channel of this hub.</summary>
    public Roster Roster { get; }
    public long Events => _lanes.Sum(lane => lane.Meter.Events);
    public long Bytes => _lanes.Sum(lane => lane.Meter.Bytes);

    public DeliveryLane Next() => _lanes[Interlocked.Increment(ref _next) % _lanes.Length];
    public void Wake(Topic topic) => Array.ForEach(_lanes, lane => lane.Wake(topic));
    public Task DrainAsync() => Task.WhenAll(_lanes.Select(lane => lane.DrainAsync()));
    public void Dispose() => Array.ForEach(_lanes, lane => lane.Dispose());

    /// <summary>Tells the clients of all lanes that a client has joined or left.</summary>
    public void Tell(PresenceChange change, IReadOnlyList<Topic> channels) => Array.ForEach(_lanes, lane => lane.Tell(change, channels));

    private void Announce(PresenceChange change, IReadOnlyList<Topic> channels)
    {
        Tell(change, channels);
        _announceElsewhere?.Invoke(change, channels);
    }
}

/// <summary>What lanes do with their clients.</summary>
/// <param name="Heartbeat">After how long without an event a client is sent one.</param>
/// <param name="WriteTimeout">How long a client may take nothing of a send.</param>
/// <param name="PresenceLimit">How many clients a channel may have whose comings and goings are told; 0 for none.</param>
/// <param name="ClientsOf">How many clients a channel has, on all servers.</param>
/// <param name="PositionOf">The id of a place.</param>
internal sealed record LaneOptions(
    TimeSpan Heartbeat, TimeSpan WriteTimeout, int PresenceLimit, Func<Topic, int> ClientsOf, Func<long, string> PositionOf);

/// <summary>What a lane has delivered, and how long that took, in seconds. The lane's thread counts; any thread may read.</summary>
internal sealed class LaneMeter(Histogram<double> sweeps, Histogram<double> latencies)
{
    /// <summary>Events that were handed to connections, joins and leaves included, also where the write then failed.</summary>
    public long Events { get; private set; }
    public long Bytes { get; private set; }

    public void CountWrite(int events, int bytes)
    {
        Events += events;
        Bytes += bytes;
    }

    /// <summary>Records a sweep, and the time from an append to its end; the times are of <see cref="Stopwatch.GetTimestamp"/>.</summary>
    public void RecordSweep(long dueSince, long began, long ended)
    {
        sweeps.Record(Stopwatch.GetElapsedTime(began, ended).TotalSeconds);
        latencies.Record(Stopwatch.GetElapsedTime(dueSince, ended).TotalSeconds);
    }
}
