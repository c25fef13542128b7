using System.Diagnostics.CodeAnalysis;
using SseListener.Events;
using SseListener.Listener;

namespace SseListener.Http;

/// <summary>Which channels a request means: its query parameters <c>channel</c>, or else the channel <c>default</c>.</summary>
internal static class Channels
{
    /// <summary>Most channels and patterns that a client may listen to on one connection.</summary>
    public const int MostPerClient = 100;

    private const string Names = "A channel's name has 1 to 200 characters of A-Z a-z 0-9 . _ ~ : / @ -";

    private const string Patterns = "; a pattern is such a name that ends with / and a single * behind it, such as orders/*.";

    // Who may listen to everything would hear the channels that are known to those only who were told their names.
    private const string NotAll = " There is none for all channels: give those that are to be heard together a prefix in common.";

    /// <summary>Reads the one channel to publish to; false leaves a <paramref name="problem"/> for the client.</summary>
    public static bool TryReadOne(RequestTarget target, out string channel, [NotNullWhen(false)] out string? problem)
    {
        var names = target.All("channel").ToList();
        channel = names.Count > 0 ? names[0] : ChannelNames.Default;
        problem = names.Count > 1 ? "An event is published to one channel."
            : ChannelNames.IsName(channel) ? null
            : Names + (channel.EndsWith('*') ? ". Patterns are for listening: an event is published to one channel." : ".");
        return problem is null;
    }

    /// <summary>Reads the channels and patterns to listen to; false leaves a <paramref name="problem"/> for the client.</summary>
    public static bool TryReadAll(RequestTarget target, out IReadOnlyList<string> topics, [NotNullWhen(false)] out string? problem)
    {
        var names = target.All("channel").Distinct(StringComparer.Ordinal).ToList();
        topics = names.Count > 0 ? names : [ChannelNames.Default];
        problem = topics.Count > MostPerClient ? $"A client may listen to at most {MostPerClient} channels on one connection."
            : topics.All(name => ChannelNames.IsName(name) || ChannelNames.IsPattern(name)) ? null
            : Names + Patterns + (names.Contains(ChannelNames.All) ? NotAll : "");
        return problem is null;
    }
}
