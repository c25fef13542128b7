using System.Runtime.InteropServices;
using SseListener.Events;

namespace SseListener.Delivery;

/// <summary>
/// The clients of a lane that listen to one topic. For the lane's thread, except <see cref="TryRequestSweep"/>. They change only with the
/// lock of the <see cref="Roster"/>, and with it any thread may read them.
/// </summary>
internal sealed class TopicSubscribers(Topic topic)
{
    private const int ClockInterval = 64; // Clients that are served between two readings of the clock.
    private static readonly long _longestStretch = Stopwatch.Frequency / 200; // 5 ms: then the lane's other topics get their turn.
    private static readonly long _longSweep = Stopwatch.Frequency / 1000; // 1 ms. Events that come during a shorter one are no burst.
    private static readonly long _longestPause = 10 * _longSweep;

    // Slot says which of the client's topics this is: there ListIndexes has its index in this list, which saves a search to remove it.
    private readonly List<(Client Client, int Slot)> _clients = [];
    private long _dueSince;
    private long _pauseEnds;

    // The sweep under way: when it began (0 for none), since when it was due, and how many clients it has served.
    private long _sweepBegan;
    private long _sweepDueSince;
    private int _served;

    /// <summary>Whether the next sweep is to wait: events come faster than they are swept, and a later one sends more at once.</summary>
    public bool IsPausing => Stopwatch.GetTimestamp() < _pauseEnds;
    public Topic Topic => topic;

    /// <summary>Bounds the joins and leaves that the clients are told.</summary>
    public RateLimit PresenceLimit { get; } = new(Presence.MostOfChannel);
    public ReadOnlySpan<(Client Client, int Slot)> Clients => CollectionsMarshal.AsSpan(_clients);

    /// <summary>Marks that a sweep is due because of an append; false when one already is. Any thread may call it.</summary>
    public bool TryRequestSweep() => Interlocked.CompareExchange(ref _dueSince, Stopwatch.GetTimestamp(), 0) == 0;

    /// <summary>Serves the clients one after another, for 5 ms at most; false when some are left for the next call.</summary>
    public bool Sweep(Action<Client> giveTurn, LaneMeter meter)
    {
        var began = Stopwatch.GetTimestamp();
        if (_sweepBegan == 0)
        {
            _sweepBegan = began;

            // From here on an append makes another sweep due, since some clients may have been served before it.
            _sweepDueSince = Interlocked.Exchange(ref _dueSince, 0);
        }

        while (_served < _clients.Count)
        {
            giveTurn(_clients[_served++].Client);
            if (_served % ClockInterval == 0 && Stopwatch.GetTimestamp() - began > _longestStretch)
                return false;
        }

        var ended = Stopwatch.GetTimestamp();
        meter.RecordSweep(_sweepDueSince, _sweepBegan, ended);
        var took = ended - _sweepBegan;
        (_sweepBegan, _served) = (0, 0);
        _pauseEnds = took > _longSweep && Volatile.Read(ref _dueSince) != 0 ? ended + Math.Min(3 * took, _longestPause) : 0;
        return true;
    }

    public void Add(Client client, int slot)
    {
        client.ListIndexes[slot] = _clients.Count;
        _clients.Add((client, slot));
    }

    /// <summary>Removes the client at an index, to which the last one moves.</summary>
    public void RemoveAt(int index)
    {
        if (index < _served)
        {
            // Those that have been served stay in front: the last of them fills the gap, and the last client its place.
            Move(--_served, index);
            index = _served;
        }

        Move(_clients.Count - 1, index);
        _clients.RemoveAt(_clients.Count - 1);
    }

    private void Move(int from, int to)
    {
        var (client, slot) = _clients[to] = _clients[from];
        client.ListIndexes[slot] = to;
    }
}

/// <summary>
/// The clients of a lane, by topic. For the lane's thread, except <see cref="TryFind"/>; added and removed with the lock of the
/// <see cref="Roster"/>.
/// </summary>
internal sealed class LaneSubscribers
{
    private readonly HashSet<Client> _clients = [];
    private readonly ConcurrentDictionary<Topic, TopicSubscribers> _byTopic = new();

    public IReadOnlyCollection<Client> All => _clients;

    public bool TryFind(Topic topic, [NotNullWhen(true)] out TopicSubscribers? subscribers) => _byTopic.TryGetValue(topic, out subscribers);

    public void Add(Client client)
    {
        _clients.Add(client);
        foreach (var (slot, topic) in client.Subscription.Topics.Index())
        {
            topic.CountClient(1);
            _byTopic.GetOrAdd(topic, static topic => new TopicSubscribers(topic)).Add(client, slot);
        }
    }

    /// <summary>Removes a client; false when it is no longer here.</summary>
    public bool Remove(Client client)
    {
        if (!_clients.Remove(client))
            return false;

        foreach (var (slot, topic) in client.Subscription.Topics.Index())
        {
            topic.CountClient(-1);
            var subscribers = _byTopic[topic];
            subscribers.RemoveAt(client.ListIndexes[slot]);
            if (subscribers.Clients.IsEmpty)
                _byTopic.TryRemove(topic, out _);
        }

        return true;
    }
}
