namespace SseListener.Events;

/// <summary>What a client's data are put into: nothing, an object that names the channel too, or one that is the whole event.</summary>
internal enum Envelope { None, Channel, Event }

/// <summary>What a new client wants. With an unknown last id it gets all that is kept, and without any only what is new.</summary>
internal sealed record SubscribeRequest(Selection Selection, Envelope Envelope, string? LastEventId);

/// <summary>A client's place: behind the frame with that number, with a gap if events behind its last id are no longer known.</summary>
internal sealed record Subscription(IReadOnlyList<Topic> Topics, Feed Feed, long Place, Envelope Envelope, bool HasGap);

/// <summary>Names and patterns, none twice, and which channels under a pattern the client may hear; null for all.</summary>
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
