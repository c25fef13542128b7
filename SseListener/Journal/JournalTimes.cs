using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace SseListener.Journal;

/// <summary>How long a journal's work takes.</summary>
/// <param name="Writes">Takes how long each append of a batch was, in seconds.</param>
/// <param name="Flushes">Takes how long each flush to the disk was, in seconds.</param>
internal sealed record JournalTimes(Histogram<double> Writes, Histogram<double> Flushes)
{
    /// <summary>Records what began at <paramref name="started"/> (as <see cref="Stopwatch.GetTimestamp"/> counts) and has just ended.</summary>
    public static void Record(Histogram<double> times, long started) => times.Record(Stopwatch.GetElapsedTime(started).TotalSeconds);
}
