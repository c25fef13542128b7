namespace SseListener.Events;

/// <summary>Names of channels, and patterns: <c>orders/*</c> is all that begin with <c>orders/</c>, and <c>*</c>, in rules, all.</summary>
internal static class ChannelNames
{
    /// <summary>The channel of a request that names none.</summary>
    public const string Default = "default";
    public const string All = "*";

    /// <summary>Longest name or pattern, in characters, all of which are ASCII.</summary>
    public const int MaxLength = 200;

    // Some channels are known only to those who were told their names.
    private const string NotAll = " There is none for all channels: give those that are to be heard together a prefix in common.";

    private static readonly SearchValues<char> _characters =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~:/@-");

    /// <summary>What names consist of, for people.</summary>
    public const string Rule = "A channel's name has 1 to 200 characters of A-Z a-z 0-9 . _ ~ : / @ -";
    private const string Patterns = "; a pattern is such a name that ends with / and a single * behind it, such as orders/*.";

    /// <summary>What is wrong with channels to publish to, for the publisher; null when nothing is.</summary>
    public static string? ProblemOf(IReadOnlyList<string> channels) =>
        channels.Count is 0 or > ChannelSet.Most ? $"An event is published to 1 to {ChannelSet.Most} channels."
        : channels.Any(name => name.EndsWith('*')) ? Rule + ". Patterns are for listening: an event is published to channels."
        : channels.All(IsName) ? null
        : Rule + ".";

    /// <summary>What is wrong with channels and patterns to listen to, for the client; null when nothing is.</summary>
    public static string? ProblemOfTopics(IReadOnlyList<string> topics) =>
        topics.All(name => IsName(name) || IsPattern(name)) ? null : Rule + Patterns + (topics.Contains(All) ? NotAll : "");

    public static bool IsName(string text) => text.Length is > 0 and <= MaxLength && !text.AsSpan().ContainsAnyExcept(_characters);

    public static bool IsPattern(string text) =>
        text.EndsWith("/*", StringComparison.Ordinal) && text.Length <= MaxLength && IsName(text[..^1]);

    public static bool IsRule(string text) => text == All || IsName(text) || IsPattern(text);

    /// <summary>Whether a rule (a name, a pattern, or <c>*</c>) includes all that a name or pattern stands for.</summary>
    public static bool Covers(string rule, string other) =>
        rule == other || (rule.EndsWith('*') && other.AsSpan().StartsWith(rule.AsSpan()[..^1], StringComparison.Ordinal));

    /// <summary>The first names with a prefix from a text on; at most so many.</summary>
    /// <param name="names">In the order of <see cref="StringComparer.Ordinal"/>.</param>
    /// <param name="prefix">What the names begin with.</param>
    /// <param name="from">What none of them comes before.</param>
    /// <param name="most">How many.</param>
    public static List<string> Find(SortedSet<string> names, string prefix, string from, int most)
    {
        var first = string.CompareOrdinal(from, prefix) > 0 ? from : prefix;
        var last = prefix + char.MaxValue;
        return string.CompareOrdinal(first, last) > 0 ? [] : [.. names.GetViewBetween(first, last).Take(most)];
    }

    /// <summary>The first of the names in several lists, each once; at most so many.</summary>
    public static List<string> Merge(IEnumerable<List<string>> lists, int most) =>
        [.. lists.SelectMany(names => names).Distinct().Order(StringComparer.Ordinal).Take(most)];

    /// <summary>The patterns among these topics, without those that another one includes.</summary>
    public static string[] Widest(IReadOnlyList<string> topics) =>
        [.. topics.Where(topic => IsPattern(topic) && !topics.Any(other => other != topic && Covers(other, topic)))];

    /// <summary>Whether there may be a channel that both stand for.</summary>
    public static bool Overlap(string one, string other) => Covers(one, other) || Covers(other, one);
}
