using System.Diagnostics.CodeAnalysis;

namespace SseListener.Events;

/// <summary>
/// The channels there are and the patterns that somebody listens to, by name. A channel is there as long as it has a listener, or
/// something of it is kept. For the hub's writer only.
/// </summary>
/// <param name="maxChannels">Most channels and patterns at a time.</param>
internal sealed class TopicTable(int maxChannels)
{
    private readonly Dictionary<string, ChannelLog> _channels = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Pattern> _patterns = new(StringComparer.Ordinal);
    private readonly List<Topic> _perhapsIdle = [];

    // Up to here there may have been frames of channels of which nothing is known any more.
    private long _forgotten;

    /// <summary>How many channels there are. Any thread may ask.</summary>
    public int Channels => _channels.Count;

    /// <summary>How many patterns somebody listens to. Any thread may ask.</summary>
    public int Patterns => _patterns.Count;

    private int Count => _channels.Count + _patterns.Count;

    /// <summary>Finds a channel, or begins it.</summary>
    /// <returns>False when there are too many.</returns>
    public bool TryOpen(string channel, [NotNullWhen(true)] out ChannelLog? log)
    {
        var isThere = _channels.TryGetValue(channel, out log);
        if (!isThere && Count < maxChannels)
        {
            log = Open(channel);
        }

        return log is not null;
    }

    /// <summary>Finds channels and patterns, or begins them; all of them or none.</summary>
    /// <returns>False when there would be too many channels.</returns>
    public bool TryOpen(IReadOnlyList<string> names, [NotNullWhen(true)] out Topic[]? topics)
    {
        var newcomers = names.Count(name => !_channels.ContainsKey(name) && !_patterns.ContainsKey(name));
        topics = newcomers > 0 && Count + newcomers > maxChannels ? null : [.. names.Select(Find)];
        return topics is not null;
    }

    /// <summary>Finds a channel that has been kept, or begins it: what is kept is not refused.</summary>
    public ChannelLog Open(string channel)
    {
        if (!_channels.TryGetValue(channel, out var log))
        {
            _channels.Add(channel, log = new ChannelLog(channel, _forgotten));
            MayBeIdle(log);
        }

        return log;
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
        foreach (var topic in _perhapsIdle.Where(topic => topic.Listeners == 0))
        {
            if (topic is Pattern)
            {
                _patterns.Remove(topic.Name);
            }
            else if (topic is ChannelLog { IsEmpty: true } log)
            {
                _channels.Remove(topic.Name);
                Forget(log.LastDropped);
            }
        }

        _perhapsIdle.Clear();
    }

    /// <summary>Takes note that frames up to this number may have been of any channel.</summary>
    public void Forget(long sequence) => _forgotten = Math.Max(_forgotten, sequence);

    private Topic Find(string name)
    {
        if (ChannelNames.IsName(name))
        {
            return Open(name);
        }

        if (!_patterns.TryGetValue(name, out var pattern))
        {
            _patterns.Add(name, pattern = new Pattern(name));
        }

        return pattern;
    }
}
