using SseListener.Events;

namespace SseListener.Delivery;

/// <summary>All lanes of a server, which get new clients in turn.</summary>
internal sealed class DeliveryLanes : IDisposable
{
    private readonly DeliveryLane[] _lanes;
    private uint _next;

    public DeliveryLanes(int count, LaneOptions options, Func<LaneMeter> createMeter) =>
        _lanes = [.. Enumerable.Range(1, count).Select(number => new DeliveryLane($"lane {number}", options, createMeter(), Announce))];

    public long Events => _lanes.Sum(lane => lane.Meter.Events);
    public long Bytes => _lanes.Sum(lane => lane.Meter.Bytes);

    public DeliveryLane Next() => _lanes[Interlocked.Increment(ref _next) % _lanes.Length];

    public void Wake(Topic topic) => Array.ForEach(_lanes, lane => lane.Wake(topic));

    /// <summary>Completes once everything appended so far was handed to the clients' connections.</summary>
    public Task DrainAsync() => Task.WhenAll(_lanes.Select(lane => lane.DrainAsync()));

    public void Dispose() => Array.ForEach(_lanes, lane => lane.Dispose());

    private void Announce(Client client, bool hasJoined) => Array.ForEach(_lanes, lane => lane.Tell(client, hasJoined));
}

/// <summary>What all lanes keep to.</summary>
internal sealed record LaneOptions
{
    /// <summary>How long a client may be silent before it gets a comment.</summary>
    public required TimeSpan Heartbeat { get; init; }

    /// <summary>How long a client may take nothing of a send.</summary>
    public required TimeSpan WriteTimeout { get; init; }

    /// <summary>Most clients of a channel that are told who joins and leaves; 0 for none.</summary>
    public int PresenceLimit { get; init; }
    public Func<long, string> PositionOf { get; init; } = _ => "";
}
