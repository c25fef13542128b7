namespace SseListener.Events;

/// <summary>Counts ages. It begins at the machine's time, and nobody can set it: a wrong clock neither drops nor keeps anything.</summary>
internal static class SteadyClock
{
    private static readonly long _offset = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() - Environment.TickCount64;

    /// <summary>Now, in Unix milliseconds.</summary>
    public static long Now => _offset + Environment.TickCount64;
}
