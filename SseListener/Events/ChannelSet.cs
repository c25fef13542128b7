namespace SseListener.Events;

/// <summary>The channels of one frame. Most have one.</summary>
/// <param name="Names">Their names as <see cref="NamesOf"/> writes them.</param>
/// <param name="Logs">Their logs, or those of them that still have it.</param>
internal sealed record ChannelSet(string Names, ChannelLog[] Logs)
{
    /// <summary>Most channels of one frame.</summary>
    public const int Most = 100;
    private const char Separator = ',';

    public bool IsOne => !Names.Contains(Separator, StringComparison.Ordinal);

    /// <summary>A set of names in one text, which is the same in whatever order they are given.</summary>
    public static string NamesOf(IReadOnlyList<string> names) =>
        names.Count == 1 ? names[0] : string.Join(Separator, names.Distinct().Order(StringComparer.Ordinal));

    public static string[] Split(string names) => names.Split(Separator);
}
