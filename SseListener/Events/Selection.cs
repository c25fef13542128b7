namespace SseListener.Events;

/// <summary>Which channels a client listens to.</summary>
internal sealed class Selection
{
    private readonly HashSet<string> _names;
    private readonly string[] _patterns;

    /// <summary>A selection of channels.</summary>
    /// <param name="topics">Names and patterns, none of them twice.</param>
    /// <param name="mayHear">Which of those under a pattern the client may hear; null for all.</param>
    public Selection(IReadOnlyList<string> topics, Func<string, bool>? mayHear)
    {
        Topics = topics;
        _names = topics.Where(ChannelNames.IsName).ToHashSet(StringComparer.Ordinal);
        _patterns = [.. topics.Where(ChannelNames.IsPattern)];
        MayHear = mayHear ?? (_ => true);
    }

    /// <summary>The names and patterns.</summary>
    public IReadOnlyList<string> Topics { get; }

    /// <summary>Whether the client may hear a channel.</summary>
    public Func<string, bool> MayHear { get; }

    /// <summary>Whether a channel is one of them.</summary>
    public bool Includes(string channel) =>
        (_names.Contains(channel) || Array.Exists(_patterns, pattern => ChannelNames.Covers(pattern, channel))) && MayHear(channel);
}
