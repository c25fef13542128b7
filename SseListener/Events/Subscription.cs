namespace SseListener.Events;

/// <summary>
/// What a new client wants to listen to, with data that name their channel or not. From an unknown last id on it gets all that is kept, and
/// without any only what is new.
/// </summary>
internal sealed record SubscribeRequest(Selection Selection, bool IsEnveloped, string? LastEventId);

/// <summary>
/// A client's place: behind the frame with that number, and with a gap if events between its last id and there were dropped or never known.
/// </summary>
internal sealed record Subscription(IReadOnlyList<Topic> Topics, Feed Feed, long Place, bool IsEnveloped, bool HasGap);

/// <summary>The channels that a client listens to.</summary>
/// <param name="topics">Names and patterns, none of them twice.</param>
/// <param name="mayHear">Which channels under a pattern the client may hear; null for all.</param>
internal sealed class Selection(IReadOnlyList<string> topics, Func<string, bool>? mayHear)
{
    private readonly HashSet<string> _names = topics.Where(ChannelNames.IsName).ToHashSet(StringComparer.Ordinal);
    private readonly string[] _patterns = [.. topics.Where(ChannelNames.IsPattern)];

    public IReadOnlyList<string> Topics => topics;
    public bool MayHear(string channel) => mayHear is null || mayHear(channel);

    /// <summary>Whether a channel is one of them, and the client may hear it.</summary>
    public bool Includes(string channel) =>
        (_names.Contains(channel) || Array.Exists(_patterns, pattern => ChannelNames.Covers(pattern, channel))) && MayHear(channel);
}
