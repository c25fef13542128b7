using SseListener.Events;

namespace SseListener.Delivery;

/// <summary>All lanes of a server; newcomers are dealt to them in turn.</summary>
internal sealed class DeliveryLanes : IDelivery, IDisposable
{
    private readonly DeliveryLane[] _lanes;
    private uint _next;

    /// <summary>Starts lanes.</summary>
    /// <param name="count">How many.</param>
    /// <param name="options">What each keeps to.</param>
    /// <param name="createMeter">Makes what is told of a lane's deliveries.</param>
    public DeliveryLanes(int count, LaneOptions options, Func<LaneMeter> createMeter)
    {
        _lanes = [.. Enumerable.Range(1, count).Select(number => new DeliveryLane($"lane {number}", options, createMeter(), Tell))];
    }

    /// <summary>How many there are.</summary>
    public int Count => _lanes.Length;

    /// <summary>Events that have been handed to connections.</summary>
    public long Events => _lanes.Sum(lane => lane.Meter.Events);

    /// <summary>Bytes of them.</summary>
    public long Bytes => _lanes.Sum(lane => lane.Meter.Bytes);

    /// <summary>The lane for the next client.</summary>
    public DeliveryLane Next() => _lanes[Interlocked.Increment(ref _next) % _lanes.Length];

    /// <inheritdoc/>
    public void Wake(Topic topic)
    {
        foreach (var lane in _lanes)
        {
            lane.Wake(topic);
        }
    }

    /// <summary>Completes once everything appended so far has been handed to the clients' connections.</summary>
    public Task DrainAsync() => Task.WhenAll(_lanes.Select(lane => lane.DrainAsync()));

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var lane in _lanes)
        {
            lane.Dispose();
        }
    }

    private void Tell(Client client, bool hasJoined)
    {
        foreach (var lane in _lanes)
        {
            lane.Tell(client, hasJoined);
        }
    }
}
