using SseListener.Events;

namespace SseListener.Delivery;

/// <summary>
/// Tells a lane's clients who joins and leaves their channels. Nothing of it is stored, and a client that is behind is not told: the next
/// join or leave again says how many there are. For the lane's thread, except <see cref="Enqueue"/>.
/// </summary>
internal sealed class Presence(LaneSubscribers subscribers, LaneOptions options, Roster roster)
{
    /// <summary>How many joins and leaves of a channel are told in a second.</summary>
    public const int MostOfChannel = 30;

    private const int MostSends = 5000; // A few percent of the lane, however often strangers join and leave without a token.
    private const int MostChannels = 10; // The change of a client with more channels would go to too many others.
    private const int MostAtOnce = 100; // Of joins and leaves that a newcomer has missed since it asked who is there.
    private readonly ConcurrentQueue<(PresenceChange Change, IReadOnlyList<Topic> Channels)> _changes = new();
    private readonly Slice _frame = new();
    private readonly RateLimit _sends = new(MostSends);

    /// <summary>Whether others are told of a client of these topics, and it of them: no pattern, and not too many channels.</summary>
    public static bool Concerns(IReadOnlyList<Topic> topics) => topics.Count <= MostChannels && topics.All(topic => topic is ChannelLog);

    public void Enqueue(PresenceChange change, IReadOnlyList<Topic> channels) => _changes.Enqueue((change, channels));

    public void TellClients(long now)
    {
        while (_changes.TryDequeue(out var change))
        {
            foreach (var topic in change.Channels)
            {
                if (IsTold(topic) && subscribers.TryFind(topic, out var listeners)
                    && listeners.PresenceLimit.TryAcquire(1, now)
                    && _sends.TryAcquire(listeners.Clients.Length, now))
                {
                    Tell(listeners, change.Change, now);
                }
            }
        }
    }

    /// <summary>Tells a client, which has had nothing but its greeting, what has changed since it asked who is there.</summary>
    public void TellMissed(Client client, long now)
    {
        if (client.PresenceSince is not { } since)
            return;

        var (missed, through) = roster.FindSince(since, client, MostAtOnce);
        client.ToldThrough = through;
        missed.RemoveAll(change => !IsTold(change.Channel));
        if (missed.Count == 0 || !_sends.TryAcquire(missed.Count, now))
            return;

        // Before what it has missed in the log.
        var position = options.PositionOf(client.Subscription.Place);
        _frame.Begin();
        foreach (var (channel, change) in missed)
            Write(change, channel, options.ClientsOf(channel), position, client.Subscription.Envelope);

        _frame.End();
        client.SendEvents(_frame, now);
    }

    private bool IsTold(Topic channel) => options.ClientsOf(channel) <= options.PresenceLimit;

    private void Tell(TopicSubscribers listeners, PresenceChange change, long now)
    {
        var count = options.ClientsOf(listeners.Topic);
        foreach (var (client, _) in listeners.Clients)
        {
            if (client.Id != change.Client && change.Number > client.ToldThrough && client.TryGetPlace(out var place))
            {
                _frame.Begin();
                Write(change, listeners.Topic, count, options.PositionOf(place), client.Subscription.Envelope);
                _frame.End();
                client.SendEvents(_frame, now);
            }
        }
    }

    private void Write(PresenceChange change, Topic channel, int clients, string position, Envelope envelope) =>
        SseFrame.WritePresence(_frame, change.HasJoined, change.Client, change.User, clients, channel.Name, position, envelope);
}

/// <summary>Allows at most <paramref name="most"/> things in a second, or more if they come first and together. For one thread.</summary>
internal sealed class RateLimit(int most)
{
    private long _second;
    private int _count;

    /// <summary>Counts things that are about to happen, by a time in milliseconds; false when they would be too many.</summary>
    public bool TryAcquire(int count, long now)
    {
        if (now / 1000 != _second)
            (_second, _count) = (now / 1000, 0);

        var isAllowed = _count == 0 || _count + count <= most;
        _count += isAllowed ? count : 0;
        return isAllowed;
    }
}
