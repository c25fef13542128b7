using SseListener.Events;

namespace SseListener.Delivery;

/// <summary>The clients of a lane, by topic. For the lane's thread, except <see cref="TryFind"/>.</summary>
internal sealed class LaneSubscribers
{
    private readonly HashSet<Client> _clients = [];
    private readonly ConcurrentDictionary<Topic, TopicSubscribers> _byTopic = new();

    public IReadOnlyCollection<Client> All => _clients;

    public bool TryFind(Topic topic, [NotNullWhen(true)] out TopicSubscribers? subscribers) => _byTopic.TryGetValue(topic, out subscribers);

    public void Add(Client client)
    {
        _clients.Add(client);
        foreach (var topic in client.Subscription.Topics)
        {
            topic.CountClient(1);
            _byTopic.GetOrAdd(topic, static topic => new TopicSubscribers(topic)).Add(client);
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
            var subscribers = _byTopic[topic];
            subscribers.Remove(client);
            if (subscribers.Clients.IsEmpty)
                _byTopic.TryRemove(topic, out _);
        }

        return true;
    }
}
