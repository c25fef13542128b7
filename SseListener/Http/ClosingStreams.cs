using System.Collections.Concurrent;
using System.Diagnostics;
using SseListener.Delivery;

namespace SseListener.Http;

/// <summary>The end of all streams when the server stops: spread over a time, so that the clients do not all come back at once.</summary>
internal static class ClosingStreams
{
    private static readonly TimeSpan _step = TimeSpan.FromMilliseconds(10);

    /// <summary>Ends them at even intervals, the first one now. Those that come meanwhile end themselves.</summary>
    /// <param name="clients">Those that are connected; each leaves the dictionary when its stream has ended.</param>
    /// <param name="time">How long to take; zero for no time at all.</param>
    public static async Task CloseAsync(ConcurrentDictionary<string, Client> clients, TimeSpan time)
    {
        var open = clients.Values.ToArray();
        var started = Stopwatch.GetTimestamp();
        for (var ended = 0; ended < open.Length && !clients.IsEmpty;)
        {
            var due = Math.Min(1, Stopwatch.GetElapsedTime(started) / time) * open.Length;
            for (; ended < open.Length && ended <= due; ended++)
            {
                open[ended].End(EndReason.ServerStop);
            }

            if (ended < open.Length)
            {
                await Task.Delay(_step);
            }
        }
    }
}
