using SseListener.Events;

namespace SseListener.Delivery;

/// <summary>
/// Tells a lane's clients who joins and leaves their channels. Nothing of it is kept, and a client that is behind is not told, since
/// the next join or leave again says how many there are. For the lane's thread, except <see cref="Enqueue"/>.
/// </summary>
internal sealed class Presence(LaneSubscribers subscribers, LaneOptions options, Action<Client, bool> announce)
{
    /// <summary>How many joins and leaves of a channel are told in a second.</summary>
    public const int MostOfChannel = 30;

    // Joining and leaving needs no token, so however often strangers do it, it may cost only a few percent of the lane.
    private const int MostSends = 5000;

    // The change of a client with more channels would go to too many others; and a pattern is not a channel.
    private const int MostChannels = 10;

    private readonly ConcurrentQueue<(Client Client, bool HasJoined)> _changes = new();
    private readonly Slice _frame = new();
    private readonly RateLimit _sends = new(MostSends);

    /// <summary>Tells all lanes that a client of this lane has joined or left, unless it has too many channels.</summary>
    public void Announce(Client client, bool hasJoined)
    {
        var topics = client.Subscription.Topics;
        if (options.PresenceLimit > 0 && topics.Count <= MostChannels && topics.All(topic => topic is ChannelLog))
            announce(client, hasJoined);
    }

    public void Enqueue(Client client, bool hasJoined) => _changes.Enqueue((client, hasJoined));

    public void TellClients(long now)
    {
        while (_changes.TryDequeue(out var change))
        {
            foreach (var topic in change.Client.Subscription.Topics)
            {
                if (topic.Clients <= options.PresenceLimit
                    && subscribers.TryFind(topic, out var listeners)
                    && listeners.PresenceLimit.TryAcquire(1, now)
                    && _sends.TryAcquire(listeners.Clients.Length, now))
                {
                    Tell(listeners, change.Client, change.HasJoined, now);
                }
            }
        }
    }

    private void Tell(TopicSubscribers listeners, Client subject, bool hasJoined, long now)
    {
        foreach (var client in listeners.Clients)
        {
            if (client != subject && client.TryGetPlace(out var place))
            {
                var channel = client.Subscription.IsEnveloped ? listeners.Topic.Name : null;
                _frame.Begin();
                SseFrame.WritePresence(_frame, hasJoined, subject.Id, listeners.Topic.Clients, channel, options.PositionOf(place));
                _frame.End();
                client.SendEvents(_frame, now);
            }
        }
    }
}

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

        if (_count + count > most)
            return false;

        _count += count;
        return true;
    }
}
