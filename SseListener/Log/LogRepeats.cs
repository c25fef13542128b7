namespace SseListener.Log;

/// <summary>
/// Keeps lines of one kind from flooding the log: the first ones of a minute are written, the others only counted. A kind is a word of
/// the program, never of a request, so there are few. Any thread may use it.
/// </summary>
internal sealed class LogRepeats(int most)
{
    private readonly ConcurrentDictionary<(LogLevel Level, string Kind), int> _lines = new();

    /// <summary>Counts a line of a kind, and says whether it is written.</summary>
    public bool MayWrite(LogLevel level, string kind) =>
        _lines.AddOrUpdate((level, kind), 1, static (_, lines) => lines + 1) <= most;

    /// <summary>Begins another minute, and returns how many lines were not written in the last one.</summary>
    public IEnumerable<(LogLevel Level, string Kind, int Lines)> BeginMinute()
    {
        foreach (var (level, kind) in _lines.Keys)
        {
            if (_lines.TryRemove((level, kind), out var lines) && lines > most)
                yield return (level, kind, lines - most);
        }
    }
}
