namespace SseListener.Events;

/// <summary>Names of channels, and patterns: <c>orders/*</c> is all that begin with <c>orders/</c>, and <c>*</c>, in rules, all.</summary>
internal static class ChannelNames
{
    /// <summary>The channel of a request that names none.</summary>
    public const string Default = "default";
    public const string All = "*";

    /// <summary>Longest name or pattern, in characters, all of which are ASCII.</summary>
    public const int MaxLength = 200;

    private static readonly SearchValues<char> _characters =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~:/@-");

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

    /// <summary>Whether there may be a channel that both stand for.</summary>
    public static bool Overlap(string one, string other) => Covers(one, other) || Covers(other, one);
}
