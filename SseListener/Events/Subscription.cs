namespace SseListener.Events;

/// <summary>What a client's data are put into: nothing, an object that names the channel too, or one that is the whole event.</summary>
internal enum Envelope { None, Channel, Event }

/// <summary>
/// What a new client wants. With an unknown last id it gets all that is kept, and without any what is new, or as far back as it says.
/// </summary>
internal sealed record SubscribeRequest(Selection Selection, Envelope Envelope, string? LastEventId, Rewind? Rewind)
{
    /// <summary>Where it begins in the channels under its patterns, if it rewinds; found before.</summary>
    public ChannelPlaces? LookBack { get; init; }
}

/// <summary>What a client listens to, and its place in it.</summary>
/// <param name="Topics">Its channels and patterns.</param>
/// <param name="Feed">What it is to get.</param>
/// <param name="Place">The number of the last frame before that.</param>
/// <param name="Envelope">What the data are put into.</param>
/// <param name="HasGap">Whether it has missed what is no longer kept.</param>
internal sealed record Subscription(Topic[] Topics, Feed Feed, long Place, Envelope Envelope, bool HasGap)
{
    /// <summary>Whether it will never get more than it says it has: all of its channels have ended.</summary>
    public bool HasAll { get; init; }

    /// <summary>Whether nothing will follow on what can be read now. Any thread may ask.</summary>
    public bool IsOver => Array.TrueForAll(Topics, static topic => topic.IsOver);
}

/// <summary>What is kept of a selection of channels, as it is when the log ends with a number.</summary>
internal sealed record Reading(Feed Feed, long Through);

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
