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

    /// <summary>Whether there may be a channel that both stand for.</summary>
    public static bool Overlap(string one, string other) => Covers(one, other) || Covers(other, one);
}
