using System.Collections.Concurrent;
using SseListener.Access;
using SseListener.Delivery;
using SseListener.Events;
using SseListener.Metrics;

namespace SseListener.Http;

/// <summary>How a server is doing. Any thread may ask.</summary>
internal sealed class ServerState(ServerOptions options, ConcurrentDictionary<string, Client> clients, EventHub hub, DeliveryLanes lanes, IEventLog journal) : IDisposable
{
    private volatile bool _isStopping;

    /// <summary>Whether the server is about to end.</summary>
    public bool IsStopping
    {
        get => _isStopping;
        set => _isStopping = value;
    }

    /// <summary>Why the server cannot do its work; null when it can.</summary>
    public Refusal? Problem =>
        IsStopping ? Refusal.Stopping
        : !journal.IsWritable ? Refusal.Later(503, "journal", "The journal cannot be written.")
        : null;

    /// <summary>Clients that are connected.</summary>
    public int Clients => clients.Count;

    /// <summary>The server's options.</summary>
    public ServerOptions Options => options;

    /// <summary>The hub.</summary>
    public EventHub Hub => hub;

    /// <summary>Threads that deliver.</summary>
    public int Lanes => lanes.Count;

    /// <summary>Events published, their bytes, events delivered, their bytes: each a second.</summary>
    public Rates Rates { get; } = new(() => [hub.Counts.Published, hub.Counts.PublishedBytes, lanes.Events, lanes.Bytes]);

    /// <inheritdoc/>
    public void Dispose() => Rates.Dispose();
}
