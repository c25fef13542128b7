namespace SseListener.Events;

/// <summary>Counts ages. It begins at the machine's time, and nobody can set it: a wrong clock neither drops nor keeps anything.</summary>
internal static class SteadyClock
{
    private static readonly long _offset = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() - Environment.TickCount64;

    private static readonly long _fineOffset = (DateTime.UtcNow - DateTime.UnixEpoch - Stopwatch.GetElapsedTime(0)).Ticks;

    /// <summary>Now, in Unix milliseconds.</summary>
    public static long Now => _offset + Environment.TickCount64;

    /// <summary>Now, in Unix microseconds, for what follows closely on each other.</summary>
    public static long Microseconds => (_fineOffset + Stopwatch.GetElapsedTime(0).Ticks) / TimeSpan.TicksPerMicrosecond;
}
