namespace SseListener.Events;

/// <summary>
/// The clock that ages are counted by. It begins at the machine's time, and nobody can set it: a machine's clock that is wrong for a while
/// neither drops nor keeps anything.
/// </summary>
internal static class SteadyClock
{
    private static readonly long _start = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
    private static readonly long _started = Stopwatch.GetTimestamp();

    /// <summary>Now, in Unix milliseconds.</summary>
    public static long Now => _start + (long)Stopwatch.GetElapsedTime(_started).TotalMilliseconds;
}
