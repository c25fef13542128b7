using System.Collections.Concurrent;
using SseListener.Events;

namespace SseListener.Delivery;

/// <summary>
/// Tells a lane's clients who comes and goes on their channels. This is news, not history: it is not kept, and a client that is behind
/// does without, since the next join or leave says again how many there are. For the lane's thread, but for <see cref="Add"/>.
/// </summary>
/// <param name="subscribers">The lane's clients.</param>
/// <param name="limit">Most clients of a channel that are told; 0 for none.</param>
/// <param name="positionOf">Gives the id of a place in the log.</param>
internal sealed class Presence(LaneClients subscribers, int limit, Func<long, string> positionOf)
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

    /// <summary>Whether others are told that a client comes and goes.</summary>
    public bool Announces(Client client) =>
        limit > 0 && client.Subscription.Topics.Count <= MostChannels && client.Subscription.Topics.All(topic => topic is ChannelLog);

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
                if (topic.Clients <= limit && subscribers.TryFind(topic, out var audience) && audience.Changes.TryTake(1, now)
                    && _sends.TryTake(audience.Clients.Length, now))
                {
                    Tell(audience, change.Client, change.HasJoined, now);
                }
            }
        }
    }

    private void Tell(Audience audience, Client subject, bool hasJoined, long now)
    {
        foreach (var client in audience.Clients)
        {
            if (client != subject && client.TryGetPlace(out var place))
            {
                var channel = client.Subscription.IsEnveloped ? audience.Topic.Name : null;
                _frame.Begin();
                SseFrame.WritePresence(_frame, hasJoined, subject.Id, audience.Topic.Clients, channel, positionOf(place));
                _frame.End();
                client.Tell(_frame, now);
            }
        }
    }
}
