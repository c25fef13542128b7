using SseListener.Events;

namespace SseListener.Delivery;

/// <summary>All lanes of a server; newcomers are dealt to them in turn.</summary>
internal sealed class DeliveryLanes : IDisposable
{
    private readonly DeliveryLane[] _lanes;
    private uint _next;

    /// <summary>Starts <paramref name="count"/> lanes.</summary>
    public DeliveryLanes(int count, TimeSpan heartbeat, TimeSpan writeTimeout) =>
        _lanes = [.. Enumerable.Range(1, count).Select(number => new DeliveryLane($"lane {number}", heartbeat, writeTimeout))];

    /// <summary>The lane for the next client.</summary>
    public DeliveryLane Next() => _lanes[Interlocked.Increment(ref _next) % _lanes.Length];

    /// <summary>Tells every lane that a topic has something new.</summary>
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
}
