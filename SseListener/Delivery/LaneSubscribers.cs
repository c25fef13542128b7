using SseListener.Events;

namespace SseListener.Delivery;

/// <summary>The clients of a lane, by topic. For the lane's thread, except <see cref="TryFind"/>.</summary>
internal sealed class LaneSubscribers
{
    private readonly HashSet<Client> _clients = [];
    private readonly ConcurrentDictionary<Topic, TopicSubscribers> _topics = new();

    /// <summary>All clients, in no order.</summary>
    public IReadOnlyCollection<Client> All => _clients;

    /// <summary>Finds the clients that listen to a topic. Any thread may call it.</summary>
    public bool TryFind(Topic topic, [NotNullWhen(true)] out TopicSubscribers? subscribers) => _topics.TryGetValue(topic, out subscribers);

    /// <summary>Adds a client.</summary>
    public void Add(Client client)
    {
        _clients.Add(client);
        foreach (var topic in client.Subscription.Topics)
        {
            topic.CountClient(1);
            _topics.GetOrAdd(topic, static topic => new TopicSubscribers(topic)).Add(client);
        }
    }

    /// <summary>Removes a client; false when it is no longer here.</summary>
    public bool Remove(Client client)
    {
        if (!_clients.Remove(client))
            return false;

        foreach (var topic in client.Subscription.Topics)
        {
            topic.CountClient(-1);
            var subscribers = _topics[topic];
            subscribers.Remove(client);
            if (subscribers.Clients.IsEmpty)
                _topics.TryRemove(topic, out _);
        }

        return true;
    }
}
