namespace SseListener.Events;

/// <summary>Finds out which name is meant by one that is misspelt.</summary>
internal static class Spelling
{
    private const int LongestShown = 50;

    /// <summary>A name as a message may show it: it may be as long as the request.</summary>
    public static string Short(string name) => name.Length <= LongestShown ? name : name[..LongestShown] + "…";

    /// <summary>The name that differs least, and in at most half of its letters; null when there is none.</summary>
    public static string? Nearest(string name, IReadOnlyList<string> names)
    {
        var letters = Letters(name);
        var nearest = letters.Length is 0 or > LongestShown ? null : names.MinBy(other => Distance(letters, Letters(other)));
        return nearest is not null && Distance(letters, Letters(nearest)) <= Letters(nearest).Length / 2 ? nearest : null;
    }

    // LastEventID, last-event-id and channel[] differ from the names they stand for in nothing that matters.
    private static string Letters(string name) => string.Concat(name.Where(char.IsAsciiLetterOrDigit).Select(char.ToLowerInvariant));

    // Levenshtein's: how many letters have to be put in, left out or changed.
    private static int Distance(string one, string other)
    {
        int[] row = [.. Enumerable.Range(0, other.Length + 1)];
        for (var i = 0; i < one.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i + 1;
            for (var j = 0; j < other.Length; j++)
            {
                var changed = diagonal + (one[i] == other[j] ? 0 : 1);
                diagonal = row[j + 1];
                row[j + 1] = Math.Min(changed, 1 + Math.Min(diagonal, row[j]));
            }
        }

        return row[^1];
    }
}
