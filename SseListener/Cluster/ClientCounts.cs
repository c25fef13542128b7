using SseListener.Events;

namespace SseListener.Cluster;

/// <summary>How many clients other hubs have on each channel. Any thread may use it.</summary>
internal sealed class ClientCounts(TimeSpan longestSilence)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, HubCounts> _hubs = new(StringComparer.Ordinal);

    /// <summary>How many other hubs there are.</summary>
    public int Hubs
    {
        get
        {
            lock (_lock)
                return _hubs.Count;
        }
    }

    public int Of(string channel)
    {
        lock (_lock)
            return (int)Math.Min(int.MaxValue / 2, _hubs.Values.Sum(hub => (long)hub.Clients.GetValueOrDefault(channel).Count));
    }

    /// <summary>How many clients each of the other hubs has on a channel that has some.</summary>
    public Dictionary<string, int> ByHub(string channel)
    {
        lock (_lock)
        {
            return _hubs.Select(hub => KeyValuePair.Create(hub.Key, hub.Value.Clients.GetValueOrDefault(channel).Count))
                .Where(hub => hub.Value > 0).ToDictionary();
        }
    }

    /// <inheritdoc cref="ChannelNames.Find"/>
    public List<string> FindNames(string prefix, string from, int most)
    {
        lock (_lock)
            return ChannelNames.Merge(_hubs.Values.Select(hub => ChannelNames.Find(hub.Names, prefix, from, most)), most);
    }

    /// <summary>Takes down what a hub tells; true when the hub is new. The time is in milliseconds of the system's ticks.</summary>
    public bool Hear(PresenceMessage message, long now)
    {
        lock (_lock)
        {
            if (message.Kind is PresenceKind.Gone)
            {
                _hubs.Remove(message.Hub);
                return false;
            }

            var isNew = !_hubs.TryGetValue(message.Hub, out var hub);
            _hubs[message.Hub] = hub ??= new HubCounts();
            hub.Heard = now;
            hub.Round += message is { Kind: PresenceKind.Numbers, Subject: "first" } ? 1 : 0;
            foreach (var (channel, clients) in message.Counts)
                hub.Set(channel, clients, isNews: message.Kind is PresenceKind.Join or PresenceKind.Leave);

            // What is not among all numbers has none any more.
            foreach (var (channel, (_, round)) in message.Kind is PresenceKind.NumbersEnd ? hub.Clients : [])
            {
                if (round < hub.Round)
                    hub.Forget(channel);
            }

            return isNew;
        }
    }

    /// <summary>Forgets hubs that have been silent for too long.</summary>
    public void ForgetSilent(long now)
    {
        lock (_lock)
        {
            foreach (var (name, hub) in _hubs)
            {
                if (now - hub.Heard > longestSilence.TotalMilliseconds)
                    _hubs.Remove(name);
            }
        }
    }

    // The round tells which of all numbers were told last. Numbers may have been counted before a join or leave that overtook them: so what
    // that said, even that nobody is left, counts as told in the next round, too.
    private sealed class HubCounts
    {
        public Dictionary<string, (int Count, int Round)> Clients { get; } = new(StringComparer.Ordinal);
        public SortedSet<string> Names { get; } = new(StringComparer.Ordinal);
        public long Heard { get; set; }
        public int Round { get; set; }

        public void Set(string channel, int clients, bool isNews)
        {
            // Others than hubs may send what is no name.
            var isTold = !isNews && Clients.TryGetValue(channel, out var told) && told.Round >= Round;
            if (isTold || !ChannelNames.IsName(channel))
                return;

            Clients[channel] = (clients, isNews ? Round + 1 : Round);
            if (clients > 0)
                Names.Add(channel);
            else
                Names.Remove(channel);
        }

        public void Forget(string channel)
        {
            Clients.Remove(channel);
            Names.Remove(channel);
        }
    }
}
