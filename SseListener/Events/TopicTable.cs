using System.Diagnostics.CodeAnalysis;

namespace SseListener.Events;

/// <summary>
/// The channels there are and the patterns that somebody listens to, by name. A channel is there as long as it has a listener, or
/// something of it is kept. Those that keep something are bounded, and so are those that are only listened to: whoever may only listen
/// takes no place from those who publish. For the hub's writer only.
/// </summary>
/// <param name="maxChannels">Most channels that keep something, and most channels and patterns that are only listened to.</param>
internal sealed class TopicTable(int maxChannels)
{
    private readonly Dictionary<string, ChannelLog> _channels = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Pattern> _patterns = new(StringComparer.Ordinal);
    private readonly List<Topic> _perhapsIdle = [];

    // Channels that keep something and that nobody listens to; the one that has been silent longest is first.
    private readonly LinkedList<ChannelLog> _silent = [];
    private int _keeping;

    // Up to here there may have been frames of channels of which nothing is known any more.
    private long _forgotten;

    /// <summary>How many channels there are. Any thread may ask.</summary>
    public int Channels => _channels.Count;

    /// <summary>How many patterns somebody listens to. Any thread may ask.</summary>
    public int Patterns => _patterns.Count;

    /// <summary>The channel to give up for another one; null when there is none.</summary>
    public ChannelLog? LongestSilent => _silent.First?.Value;

    /// <summary>Finds a channel that an event is published to, or begins it.</summary>
    /// <returns>False when there are too many.</returns>
    public bool TryOpen(string channel, [NotNullWhen(true)] out ChannelLog? log)
    {
        if (_keeping >= maxChannels && !(_channels.TryGetValue(channel, out log) && log.HasPlace))
        {
            log = null;
            return false;
        }

        log = Open(channel);
        return true;
    }

    /// <summary>Finds a channel that has been kept, or begins it: what is kept is not refused.</summary>
    public ChannelLog Open(string channel)
    {
        var log = Find(channel);
        if (!log.HasPlace)
        {
            log.HasPlace = true;
            _keeping++;
            MayBeIdle(log);
        }

        NoteSound(log);
        return log;
    }

    /// <summary>Counts a listener in on channels and patterns, which are begun where there are none; on all of them or none.</summary>
    /// <returns>False when there would be too many.</returns>
    public bool TryListen(IReadOnlyList<string> names, [NotNullWhen(true)] out Topic[]? topics)
    {
        var newcomers = names.Count(name => !_channels.ContainsKey(name) && !_patterns.ContainsKey(name));
        var listenedTo = _channels.Count - _keeping + _patterns.Count;
        topics = newcomers > 0 && listenedTo + newcomers > maxChannels ? null : [.. names.Select(FindTopic)];
        foreach (var topic in topics ?? [])
        {
            topic.Listeners++;
            StopSilence(topic);
        }

        return topics is not null;
    }

    /// <summary>Counts a listener out.</summary>
    public void StopListening(IReadOnlyList<Topic> topics)
    {
        foreach (var topic in topics)
        {
            topic.Listeners--;
            MayBeIdle(topic);
            if (topic is ChannelLog { HasPlace: true } log)
            {
                NoteSound(log);
            }
        }
    }

    /// <summary>Forgets a channel of which nothing is kept any more.</summary>
    public void Remove(ChannelLog log)
    {
        LosePlace(log);
        _channels.Remove(log.Name);
        Forget(log.LastDropped);
    }

    /// <summary>The patterns that somebody listens to and that include a channel.</summary>
    public IEnumerable<Pattern> PatternsOver(string channel)
    {
        for (var slash = channel.IndexOf('/', StringComparison.Ordinal); slash >= 0 && _patterns.Count > 0; slash = channel.IndexOf('/', slash + 1))
        {
            if (_patterns.TryGetValue(channel[..(slash + 1)] + '*', out var pattern))
            {
                yield return pattern;
            }
        }
    }

    /// <summary>Takes note that a topic has lost a listener, or the last of what was kept.</summary>
    public void MayBeIdle(Topic topic) => _perhapsIdle.Add(topic);

    /// <summary>
    /// Forgets the patterns that have no listener, and the channels that have none either and of which nothing is kept. Between two
    /// batches only: within one, a frame may already be meant for such a channel.
    /// </summary>
    public void ForgetIdle()
    {
        foreach (var topic in _perhapsIdle)
        {
            if (topic is ChannelLog { IsEmpty: true } log)
            {
                LosePlace(log);
            }

            if (topic.Listeners == 0 && topic is Pattern)
            {
                _patterns.Remove(topic.Name);
            }
            else if (topic is ChannelLog { IsEmpty: true, Listeners: 0 } idle && _channels.GetValueOrDefault(idle.Name) == idle)
            {
                Remove(idle);
            }
        }

        _perhapsIdle.Clear();
    }

    /// <summary>Takes note that frames up to this number may have been of any channel.</summary>
    public void Forget(long sequence) => _forgotten = Math.Max(_forgotten, sequence);

    private void LosePlace(ChannelLog log)
    {
        StopSilence(log);
        _keeping -= log.HasPlace ? 1 : 0;
        log.HasPlace = false;
    }

    // The silence of a channel begins anew.
    private void NoteSound(ChannelLog log)
    {
        StopSilence(log);
        if (log.Listeners == 0)
        {
            _silent.AddLast(log.Silence);
        }
    }

    private void StopSilence(Topic topic)
    {
        if (topic is ChannelLog { Silence.List: not null } log)
        {
            _silent.Remove(log.Silence);
        }
    }

    private ChannelLog Find(string channel)
    {
        if (!_channels.TryGetValue(channel, out var log))
        {
            _channels.Add(channel, log = new ChannelLog(channel, _forgotten));
        }

        return log;
    }

    private Topic FindTopic(string name)
    {
        if (ChannelNames.IsName(name))
        {
            return Find(name);
        }

        if (!_patterns.TryGetValue(name, out var pattern))
        {
            _patterns.Add(name, pattern = new Pattern(name));
        }

        return pattern;
    }
}
