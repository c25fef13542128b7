using System.Collections.Concurrent;
using SseListener.Events;

namespace SseListener.Delivery;

/// <summary>
/// Tells a lane's clients who comes and goes on their channels. This is news, not history: it is not kept, and a client that is behind
/// does without, since the next join or leave says again how many there are. For the lane's thread, but for <see cref="Add"/>.
/// </summary>
/// <param name="subscribers">The lane's clients.</param>
/// <param name="options">How many may be told, and how a place in the log is written.</param>
/// <param name="tellAll">Has all lanes told that a client has come (true) or gone.</param>
internal sealed class Presence(LaneSubscribers subscribers, LaneOptions options, Action<Client, bool> tellAll)
{
    /// <summary>How many joins and leaves of a channel are told in a second.</summary>
    public const int MostOfChannel = 30;

    // Who comes and goes needs no token, so it may not take more than a few percent of the lane, however many do.
    private const int MostSends = 5000;

    // A client of more channels would be told to too many, and a pattern is no channel to be on.
    private const int MostChannels = 10;

    private readonly ConcurrentQueue<(Client Client, bool HasJoined)> _waiting = new();
    private readonly Slice _frame = new();
    private RateLimit _sends = new(MostSends);

    /// <summary>Has all lanes told that a client of this one has come or gone, if others are to know of it.</summary>
    public void Announce(Client client, bool hasJoined)
    {
        var topics = client.Subscription.Topics;
        if (options.PresenceLimit > 0 && topics.Count <= MostChannels && topics.All(topic => topic is ChannelLog))
        {
            tellAll(client, hasJoined);
        }
    }

    /// <summary>Has it told that a client has come, or gone. Any thread may call it.</summary>
    public void Add(Client client, bool hasJoined) => _waiting.Enqueue((client, hasJoined));

    /// <summary>Tells what waits to be told.</summary>
    /// <param name="now">The time in milliseconds.</param>
    public void Tell(long now)
    {
        while (_waiting.TryDequeue(out var change))
        {
            foreach (var topic in change.Client.Subscription.Topics)
            {
                if (topic.Clients <= options.PresenceLimit
                    && subscribers.TryFind(topic, out var audience)
                    && audience.Changes.TryTake(1, now)
                    && _sends.TryTake(audience.Clients.Length, now))
                {
                    Tell(audience, change.Client, change.HasJoined, now);
                }
            }
        }
    }

    private void Tell(TopicSubscribers audience, Client subject, bool hasJoined, long now)
    {
        foreach (var client in audience.Clients)
        {
            if (client != subject && client.TryGetPlace(out var place))
            {
                var channel = client.Subscription.IsEnveloped ? audience.Topic.Name : null;
                _frame.Begin();
                SseFrame.WritePresence(_frame, hasJoined, subject.Id, audience.Topic.Clients, channel, options.PositionOf(place));
                _frame.End();
                client.Tell(_frame, now);
            }
        }
    }
}
