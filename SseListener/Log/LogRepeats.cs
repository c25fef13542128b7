using System.Collections.Concurrent;

namespace SseListener.Log;

/// <summary>
/// Keeps lines of one kind from flooding the log: so many of them in a minute are written, the others only counted. A kind is a
/// word of the program's own, never of a request's: there are few. Any thread may use it.
/// </summary>
/// <param name="most">How many lines of a kind are written in a minute.</param>
internal sealed class LogRepeats(int most)
{
    private readonly ConcurrentDictionary<(LogLevel Level, string Kind), int> _lines = new();

    /// <summary>Whether one more of a kind is to be written.</summary>
    public bool MayWrite(LogLevel level, string kind) =>
        _lines.AddOrUpdate((level, kind), 1, static (_, lines) => lines + 1) <= most;

    /// <summary>Begins another minute.</summary>
    /// <returns>How many of which kind were not written in the last one.</returns>
    public IEnumerable<(LogLevel Level, string Kind, int Lines)> Take()
    {
        foreach (var (level, kind) in _lines.Keys)
        {
            if (_lines.TryRemove((level, kind), out var lines) && lines > most)
            {
                yield return (level, kind, lines - most);
            }
        }
    }
}
