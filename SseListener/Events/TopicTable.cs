namespace SseListener.Events;

/// <summary>
/// The channels there are and the patterns that somebody listens to, by name. A channel is there as long as it has a listener, or something
/// of it is kept. At most <paramref name="maxChannels"/> channels keep something, and as many channels and patterns are only listened to:
/// listeners leave publishers their room. For the hub's writer only.
/// </summary>
internal sealed class TopicTable(int maxChannels)
{
    private readonly Dictionary<string, Topic> _topics = new(StringComparer.Ordinal);
    private readonly List<Topic> _perhapsIdle = [];

    // Channels that keep something and that nobody listens to; the one that has been silent longest is first.
    private readonly LinkedList<ChannelLog> _silent = [];
    private int _keeping;

    // Up to here there may have been frames of channels of which nothing is known any more.
    private long _forgotten;

    public int Channels => _topics.Count - Patterns;

    /// <summary>How many patterns there are. Any thread may ask, also for <see cref="Channels"/>.</summary>
    public int Patterns { get; private set; }

    /// <summary>The channel to give up for another one; null when there is none.</summary>
    public ChannelLog? LongestSilent => _silent.First?.Value;

    public bool HasRoomFor(string channel) =>
        _keeping < maxChannels || _topics.GetValueOrDefault(channel) is ChannelLog { IsKeeping: true };

    /// <summary>Finds a channel that keeps something, or is about to, or begins it, however many there are.</summary>
    public ChannelLog Open(string channel)
    {
        var log = (ChannelLog)Find(channel);
        if (!log.IsKeeping)
        {
            log.IsKeeping = true;
            _keeping++;
            MayBeIdle(log);
        }

        RestartSilence(log);
        return log;
    }

    /// <summary>Counts a listener in on channels and patterns, which may be new; null, and on none, when there would be too many.</summary>
    public Topic[]? Listen(IReadOnlyList<string> names)
    {
        var newcomers = names.Count(name => !_topics.ContainsKey(name));
        if (newcomers > 0 && _topics.Count - _keeping + newcomers > maxChannels)
            return null;

        Topic[] topics = [.. names.Select(Find)];
        foreach (var topic in topics)
        {
            topic.Listeners++;
            RestartSilence(topic);
        }

        return topics;
    }

    public void StopListening(IReadOnlyList<Topic> topics)
    {
        foreach (var topic in topics)
        {
            topic.Listeners--;
            MayBeIdle(topic);
            RestartSilence(topic);
        }
    }

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

    /// <summary>Says that a topic has lost a listener, or the last of what was kept.</summary>
    public void MayBeIdle(Topic topic) => _perhapsIdle.Add(topic);

    /// <summary>
    /// Forgets the topics that nobody listens to and of which nothing is kept. Only between two batches: within one, a frame may already be
    /// meant for such a channel.
    /// </summary>
    public void ForgetIdle()
    {
        foreach (var topic in _perhapsIdle.Where(topic => topic is Pattern or ChannelLog { IsEmpty: true }))
        {
            StopKeeping(topic);
            if (topic.Listeners == 0 && _topics.GetValueOrDefault(topic.Name) == topic)
                Remove(topic);
        }

        _perhapsIdle.Clear();
    }

    /// <summary>Forgets a topic of which nothing is kept.</summary>
    public void Remove(Topic topic)
    {
        StopKeeping(topic);
        _topics.Remove(topic.Name);
        Patterns -= topic is Pattern ? 1 : 0;
        Forget((topic as ChannelLog)?.LastDropped ?? 0);
    }

    /// <summary>Says that frames up to this number may have been of any channel.</summary>
    public void Forget(long sequence) => _forgotten = Math.Max(_forgotten, sequence);

    private void StopKeeping(Topic topic)
    {
        if (topic is ChannelLog { IsKeeping: true } log)
        {
            log.IsKeeping = false;
            _keeping--;
            RestartSilence(log);
        }
    }

    private void RestartSilence(Topic topic)
    {
        if (topic is not ChannelLog log)
            return;

        log.SilentNode.List?.Remove(log.SilentNode);
        if (log is { IsKeeping: true, Listeners: 0 })
            _silent.AddLast(log.SilentNode);
    }

    private Topic Find(string name)
    {
        if (!_topics.TryGetValue(name, out var topic))
        {
            var isPattern = ChannelNames.IsPattern(name);
            _topics.Add(name, topic = isPattern ? new Pattern(name) : new ChannelLog(name, _forgotten));
            Patterns += isPattern ? 1 : 0;
        }

        return topic;
    }
}
