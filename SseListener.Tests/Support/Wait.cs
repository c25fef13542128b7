using System.Diagnostics;

namespace SseListener.Tests.Support;

/// <summary>Bounded waiting for the thing itself.</summary>
internal static class Wait
{
    /// <summary>How long a thing may take that should happen at once; generous, for a machine that is busy.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    private static readonly TimeSpan _look = TimeSpan.FromMilliseconds(5);

    /// <summary>Waits until something is so, and fails with <paramref name="what"/> when it does not become so in time.</summary>
    public static Task UntilAsync(Func<bool> isSo, string what, TimeSpan? limit = null) => UntilAsync(() => Task.FromResult(isSo()), what, limit);

    /// <summary>Waits until something is so, and fails with <paramref name="what"/> when it does not become so in time.</summary>
    public static async Task UntilAsync(Func<Task<bool>> isSo, string what, TimeSpan? limit = null)
    {
        var started = Stopwatch.GetTimestamp();
        while (!await isSo())
        {
            Assert.That(Stopwatch.GetElapsedTime(started), Is.LessThan(limit ?? Limit), what);
            await Task.Delay(_look);
        }
    }

    /// <summary>Disposes what was started when the wait for it fails: nobody else has it yet.</summary>
    public static async Task OrDisposeAsync(this Task wait, params IDisposable[] started)
    {
        try
        {
            await wait;
        }
        catch
        {
            Array.ForEach(started, one => one.Dispose());
            throw;
        }
    }
}
