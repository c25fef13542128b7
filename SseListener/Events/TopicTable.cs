namespace SseListener.Events;

/// <summary>
/// The channels that keep something or have a listener, and the patterns that have one, by name. At most <paramref name="maxChannels"/>
/// channels keep something, and as many topics only have listeners, so that those take no room from publishers. For the hub's writer,
/// unless any thread is named.
/// </summary>
internal sealed class TopicTable(int maxChannels, Allowances allowances)
{
    private readonly Dictionary<string, Topic> _topics = new(StringComparer.Ordinal);
    private readonly SortedSet<string> _names = new(StringComparer.Ordinal); // Of channels, so that a list of some takes a few steps.
    private readonly List<Topic> _perhapsIdle = [];

    // Channels that keep something and that nobody listens to; the one that has been silent longest is first.
    private readonly LinkedList<ChannelLog> _silent = [];
    private readonly LinkedList<ChannelLog> _ended = []; // The same, of those that have ended.
    private int _keeping;

    public int Channels => _topics.Count - Patterns;

    /// <summary>How many patterns there are. Any thread may ask, also for <see cref="Channels"/>.</summary>
    public int Patterns { get; private set; }

    public bool HasRoomFor(string channel) =>
        _keeping < maxChannels || _topics.GetValueOrDefault(channel) is ChannelLog { IsKeeping: true };

    /// <summary>Finds the channel to give up for another one: an ended one, or else the one that has been silent longest.</summary>
    /// <param name="batch">The batch whose channels are to stay.</param>
    public ChannelLog? FindSilent(long batch)
    {
        LinkedListNode<ChannelLog>?[] longest = [_ended.First, _silent.First];
        return longest.Select(node => node?.Value).FirstOrDefault(log => log is not null && log.LastBatch != batch);
    }

    /// <summary>Finds a channel that keeps something, or is about to, or begins it, however many there are.</summary>
    public ChannelLog Open(string channel)
    {
        var log = (ChannelLog)Find(channel);
        Keep(log, isKeeping: true);
        if (log.IsEmpty)
            MayBeIdle(log);

        return log;
    }

    /// <summary>Those of these channels and patterns that there are.</summary>
    public IEnumerable<Topic> Find(IEnumerable<string> names) =>
        names.Select(name => ChannelNames.IsPattern(name) ? new Pattern(name) : _topics.GetValueOrDefault(name)).OfType<Topic>();

    /// <summary>Finds a channel that is to be forgotten. Of one that is not known there is nothing but a name.</summary>
    public ChannelLog FindLog(string channel) => FindChannel(channel) ?? new ChannelLog(channel) { HasLeftTable = true };

    /// <summary>Ends a channel with the frame of this number, or begins it anew, with 0.</summary>
    public void End(ChannelLog log, long sequence)
    {
        log.End(sequence);
        Keep(log, log.IsKeeping);
    }

    /// <summary>Counts a listener in on channels and patterns, which may be new; null, and on none, when there would be too many.</summary>
    public Topic[]? Listen(IReadOnlyList<string> names)
    {
        var newcomers = names.Count(name => !_topics.ContainsKey(name));
        if (newcomers > 0 && _topics.Count - _keeping + newcomers > maxChannels)
            return null;

        Topic[] topics = [.. names.Select(Find)];
        CountListener(topics, 1);
        return topics;
    }

    public void StopListening(IReadOnlyList<Topic> topics) => CountListener(topics, -1);

    /// <summary>The topics that get what is new in a channel: itself, and the patterns that include it.</summary>
    public IEnumerable<Topic> TopicsOf(ChannelLog log)
    {
        yield return log;
        var name = log.Name;
        for (var slash = name.IndexOf('/', StringComparison.Ordinal); slash >= 0 && Patterns > 0; slash = name.IndexOf('/', slash + 1))
        {
            if (_topics.TryGetValue(name[..(slash + 1)] + '*', out var pattern))
                yield return pattern;
        }
    }

    /// <summary>The channels with these names, or all, that have a listener.</summary>
    public IEnumerable<Topic> FindListened(IReadOnlyList<string>? channels) =>
        (channels?.Select(name => _topics.GetValueOrDefault(name)) ?? _topics.Values).OfType<ChannelLog>().Where(log => log.Listeners > 0);

    /// <summary>Finds a channel that keeps something or has a listener.</summary>
    public ChannelLog? FindChannel(string name) => _topics.GetValueOrDefault(name) as ChannelLog;

    /// <inheritdoc cref="ChannelNames.Find"/>
    public List<string> FindNames(string prefix, string from, int most) => ChannelNames.Find(_names, prefix, from, most);

    /// <summary>Says that a topic has lost a listener, or the last of what was kept.</summary>
    public void MayBeIdle(Topic topic) => _perhapsIdle.Add(topic);

    /// <summary>Forgets topics that keep nothing and have no listener; not within a batch, for a frame of it may be for one.</summary>
    public void RemoveIdle()
    {
        foreach (var topic in _perhapsIdle.Where(topic => topic is Pattern or ChannelLog { IsEmpty: true }))
        {
            // With its history an end goes, too, though somebody listens for other channels as well.
            (topic as ChannelLog)?.End(0);
            Keep(topic, isKeeping: false);
            if (topic.Listeners == 0 && _topics.GetValueOrDefault(topic.Name) == topic)
                Remove(topic);
        }

        _perhapsIdle.Clear();
    }

    public void Remove(Topic topic)
    {
        Keep(topic, isKeeping: false);
        _topics.Remove(topic.Name);
        _names.Remove(topic.Name);
        Patterns -= topic is Pattern ? 1 : 0;
        if (topic is not ChannelLog log)
            return;

        log.HasLeftTable = true;
        allowances.Of(log.Name).CountUnknown(log.LastDropped);
    }

    /// <summary>Says that frames up to this number are missing, of all channels.</summary>
    public void Lose(long sequence)
    {
        allowances.CountUnknown(sequence);
        foreach (var log in _topics.Values.OfType<ChannelLog>())
            log.CountDropped(sequence);
    }

    private void CountListener(IReadOnlyList<Topic> topics, int change)
    {
        foreach (var topic in topics)
        {
            topic.Listeners += change;
            MayBeIdle(topic);
            Keep(topic, topic is ChannelLog { IsKeeping: true });
        }
    }

    // Whether it keeps something or not, its silence begins again.
    private void Keep(Topic topic, bool isKeeping)
    {
        if (topic is not ChannelLog log)
            return;

        _keeping += (isKeeping ? 1 : 0) - (log.IsKeeping ? 1 : 0);
        log.IsKeeping = isKeeping;
        log.SilentNode.List?.Remove(log.SilentNode);
        if (log is { IsKeeping: true, Listeners: 0 })
            (log.IsEnded ? _ended : _silent).AddLast(log.SilentNode);
    }

    private Topic Find(string name)
    {
        if (!_topics.TryGetValue(name, out var topic))
        {
            var isPattern = ChannelNames.IsPattern(name);
            _topics.Add(name, topic = isPattern ? new Pattern(name) : Create(name));
            Patterns += isPattern ? 1 : 0;
            if (!isPattern)
                _names.Add(name);
        }

        return topic;
    }

    private ChannelLog Create(string name)
    {
        var allowance = allowances.Of(name);
        return new ChannelLog(name, allowance.UnknownThrough) { Allowance = allowance };
    }
}
