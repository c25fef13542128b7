using System.Runtime.InteropServices;
using SseListener.Events;

namespace SseListener.Delivery;

/// <summary>
/// Who is on which channel, over all lanes. Under its one lock a client is counted in or out, and its join or leave is noted, for those who
/// ask who is there and begin to listen a moment later. Any thread may use it.
/// </summary>
/// <param name="isOn">Whether anybody is told who is there.</param>
/// <param name="margin">By how many microseconds the clocks of several hubs may differ.</param>
internal sealed class Roster(bool isOn, long margin)
{
    private const int MostNoted = 1024;
    private const int MostSeen = 1000; // Clients that are looked at to list some, while those who come and go wait.
    private readonly Lock _lock = new();
    private readonly List<LaneSubscribers> _lanes = [];
    private readonly PresenceChange[] _noted = new PresenceChange[isOn ? MostNoted : 0]; // The last ones, by their number.
    private long _count;

    // How many clients of a channel a user has, and the one text of its name that they share; without a name, how many users there are.
    private readonly Dictionary<(Topic Channel, string User), (string User, int Clients)> _users = [];

    /// <summary>The subscribers of a new lane.</summary>
    public LaneSubscribers AddLane()
    {
        var subscribers = new LaneSubscribers();
        lock (_lock)
            _lanes.Add(subscribers);

        return subscribers;
    }

    /// <summary>Adds a client to those of its lane, and returns what to announce; null for nothing. For that lane's thread.</summary>
    public PresenceChange? Join(Client client, LaneSubscribers lane)
    {
        lock (_lock)
        {
            lane.Add(client);
            return Count(client, hasJoined: true);
        }
    }

    /// <summary>Removes a client from those of its lane; false when it is no longer there. For that lane's thread.</summary>
    public bool TryLeave(Client client, LaneSubscribers lane, out PresenceChange? change)
    {
        lock (_lock)
        {
            var isThere = lane.Remove(client);
            change = isThere ? Count(client, hasJoined: false) : null;
            return isThere;
        }
    }

    /// <summary>
    /// Notes a join or leave of another hub's client, and gives it a number; those of this hub's clients are noted as they happen.
    /// </summary>
    public PresenceChange Note(PresenceChange change)
    {
        lock (_lock)
        {
            var noted = change with { Number = ++_count, Moment = SteadyClock.Microseconds };
            if (isOn)
                _noted[noted.Number % MostNoted] = noted;

            return noted;
        }
    }

    /// <summary>The last joins and leaves of others on a client's channels since a moment, oldest first; and the newest number.</summary>
    public (List<(Topic Channel, PresenceChange Change)> Changes, long Through) FindSince(long moment, Client client, int most)
    {
        var (found, topics) = (new List<(Topic, PresenceChange)>(), client.Subscription.Topics.ToDictionary(topic => topic.Name));
        lock (_lock)
        {
            for (var number = _count; isOn && number > Math.Max(0, _count - MostNoted) && found.Count < most; number--)
            {
                var change = _noted[number % MostNoted];
                if (change.Moment < moment - margin)
                    break;

                foreach (var name in change.Client == client.Id ? [] : change.Channels)
                {
                    if (topics.TryGetValue(name, out var channel))
                        found.Add((channel, change));
                }
            }

            found.Reverse();
            return (found, _count);
        }
    }

    /// <summary>Who of this hub is on a channel. Of the clients that are announced at most so many are named.</summary>
    public Attendance Describe(Topic channel, int most)
    {
        var (members, seen) = (new List<Member>(), 0);
        lock (_lock)
        {
            foreach (var lane in _lanes)
            {
                var clients = isOn && lane.TryFind(channel, out var subscribers) ? subscribers.Clients : [];
                for (var i = 0; i < clients.Length && members.Count < most && seen < MostSeen; i++, seen++)
                {
                    var client = clients[i].Client;
                    if (client.IsAnnounced)
                        members.Add(new Member(client.Id, client.User));
                }
            }

            return new Attendance(channel.Clients, _users.GetValueOrDefault((channel, "")).Clients, members);
        }
    }

    private PresenceChange? Count(Client client, bool hasJoined)
    {
        if (!isOn || !client.IsAnnounced)
            return null;

        var topics = client.Subscription.Topics;
        foreach (var topic in client.User is null ? [] : topics)
            client.User = CountUser(topic, client.User!, hasJoined ? 1 : -1);

        return Note(new PresenceChange(client.Id, client.User, [.. topics.Select(topic => topic.Name)], hasJoined));
    }

    private string CountUser(Topic channel, string user, int change)
    {
        ref var entry = ref CollectionsMarshal.GetValueRefOrAddDefault(_users, (channel, user), out var isKnown);
        var (name, clients) = entry = (isKnown ? entry.User : user, entry.Clients + change);
        if (clients == 0)
            _users.Remove((channel, user));

        // The first client of a user, or its last.
        if (user.Length > 0 && clients == Math.Max(0, change))
            CountUser(channel, "", change);

        return name;
    }
}

/// <summary>That a client has joined channels (true) or left them.</summary>
/// <param name="Client">Its id, which no other client ever has.</param>
/// <param name="User">Who it is; null when that is not known.</param>
/// <param name="Channels">The channels' names.</param>
/// <param name="HasJoined">False for a leave.</param>
internal sealed record PresenceChange(string Client, string? User, IReadOnlyList<string> Channels, bool HasJoined)
{
    /// <summary>Which one it is of those that this hub knows of.</summary>
    public long Number { get; init; }

    /// <summary>When this hub got to know of it (<see cref="SteadyClock.Microseconds"/>).</summary>
    public long Moment { get; init; }
}
