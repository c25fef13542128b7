using SseListener.Events;

namespace SseListener.Delivery;

/// <summary>
/// Tells a lane's clients who joins and leaves their channels. Nothing of it is kept, and a client that is behind is not told: the next
/// join or leave again says how many there are. For the lane's thread, except <see cref="Enqueue"/>.
/// </summary>
internal sealed class Presence(LaneSubscribers subscribers, LaneOptions options, Action<PresenceChange> announce)
{
    /// <summary>How many joins and leaves of a channel are told in a second.</summary>
    public const int MostOfChannel = 30;

    private const int MostSends = 5000; // A few percent of the lane, however often strangers join and leave without a token.
    private const int MostChannels = 10; // The change of a client with more channels would go to too many others.
    private readonly ConcurrentQueue<PresenceChange> _changes = new();
    private readonly Slice _frame = new();
    private readonly RateLimit _sends = new(MostSends);

    /// <summary>Tells all lanes that a client of this lane has joined or left, unless it has too many channels.</summary>
    public void Announce(Client client, bool hasJoined)
    {
        var topics = client.Subscription.Topics;
        if (options.PresenceLimit > 0 && topics.Length <= MostChannels && topics.All(topic => topic is ChannelLog))
            announce(new PresenceChange(client.Id, topics, hasJoined));
    }

    public void Enqueue(PresenceChange change) => _changes.Enqueue(change);

    public void TellClients(long now)
    {
        while (_changes.TryDequeue(out var change))
        {
            foreach (var topic in change.Topics)
            {
                if (options.ClientsOf(topic) <= options.PresenceLimit
                    && subscribers.TryFind(topic, out var listeners)
                    && listeners.PresenceLimit.TryAcquire(1, now)
                    && _sends.TryAcquire(listeners.Clients.Length, now))
                {
                    Tell(listeners, change, now);
                }
            }
        }
    }

    private void Tell(TopicSubscribers listeners, PresenceChange change, long now)
    {
        var count = options.ClientsOf(listeners.Topic);
        foreach (var (client, _) in listeners.Clients)
        {
            if (client.Id != change.Client && client.TryGetPlace(out var place))
            {
                var (name, envelope) = (listeners.Topic.Name, client.Subscription.Envelope);
                _frame.Begin();
                SseFrame.WritePresence(_frame, change.HasJoined, change.Client, count, name, options.PositionOf(place), envelope);
                _frame.End();
                client.SendEvents(_frame, now);
            }
        }
    }
}

/// <summary>That a client, of this server or another one, has joined channels (true) or left them.</summary>
internal sealed record PresenceChange(string Client, IReadOnlyList<Topic> Topics, bool HasJoined);

/// <summary>Allows at most <paramref name="most"/> things in a second. For one thread.</summary>
internal sealed class RateLimit(int most)
{
    private long _second;
    private int _count;

    /// <summary>Counts things that are about to happen, by a time in milliseconds; false when they would be too many.</summary>
    public bool TryAcquire(int count, long now)
    {
        if (now / 1000 != _second)
            (_second, _count) = (now / 1000, 0);

        var isAllowed = _count + count <= most;
        _count += isAllowed ? count : 0;
        return isAllowed;
    }
}
