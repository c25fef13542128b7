using SseListener.Events;

namespace SseListener.Access;

/// <summary>Which channels a list may tell of: those that the rights cover, and if it is open, all that are not private.</summary>
internal sealed class ListableChannels(IReadOnlyList<string> rights, IReadOnlyList<string> hidden, bool isOpen)
{
    public bool Includes(string channel) =>
        rights.Any(rule => ChannelNames.Covers(rule, channel)) || (isOpen && !hidden.Any(rule => ChannelNames.Covers(rule, channel)));

    /// <summary>From where on the next one may be, behind one that is not included; null for nowhere. All between is passed over.</summary>
    public string? Behind(string channel)
    {
        var starts = rights.Select(rule => rule.TrimEnd('*')).Where(start => string.CompareOrdinal(start, channel) > 0);
        var ends = hidden.Where(rule => isOpen && ChannelNames.Covers(rule, channel)).Select(EndOf);
        return starts.Concat(ends).Min(StringComparer.Ordinal);
    }

    private static string EndOf(string rule) => rule.EndsWith('*') ? rule[..^1] + char.MaxValue : rule + char.MinValue;
}
