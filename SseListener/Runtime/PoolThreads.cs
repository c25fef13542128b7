using SseListener.Http;
using SseListener.Journal;

namespace SseListener.Runtime;

/// <summary>
/// The threads of the pool that do its work. All there will ever be are started before the server listens: starting one takes file
/// descriptors, and where a flood of connections has just taken the last of them, the process dies of it ("Out of memory."). It did in
/// 5 of 20 floods at <c>ulimit -n</c> 400 and 1024.
/// </summary>
/// <remarks>
/// A publish is a chain of short pieces of work, and the pool wakes a thread more for each of them while it may: that one finds
/// nothing left to do, and has taken a processor from those who have. So only as few as are needed run, and the pool does not try out
/// whether more would help (hill climbing). 1,000 clients on two processors, events back to back, medians of eight runs side by side:
/// 3.4 million deliveries a second at 0.29 us of CPU each with one thread, 2.2 million at 0.40 us with the usual two; without
/// hill climbing, and looking for work as long as .NET lets it, a publish took 60 us instead of 80.
/// </remarks>
internal static class PoolThreads
{
    /// <summary>
    /// How many there are; 32 take 1 MB of memory. Nearly all of them wait for the day when others are stuck, as with the rest of refused
    /// bodies that trickle: one after another they join the others then, and stay with them.
    /// </summary>
    public static int Count { get; } = Math.Max(32, 2 * Environment.ProcessorCount);

    /// <summary>
    /// For the server, and to be called before the pool is used. For everything else .NET's own settings hold, and for the server too
    /// where its environment forces the pool's size.
    /// </summary>
    public static void Prepare(ServerOptions options)
    {
        AppContext.SetSwitch("System.Threading.ThreadPool.HillClimbing.Disable", true);
        AppContext.SetData("System.Threading.ThreadPool.ThreadsToKeepAlive", Count);
        ThreadPool.GetMaxThreads(out _, out var completionPorts);
        if (!ThreadPool.SetMinThreads(Count, 1))
        {
            return;
        }

        StartAll();

        // Fewer run only when no more may; then the others may again.
        var running = Beside(options.Lanes, Environment.ProcessorCount, options.Data is not null && options.Sync == JournalSync.Always);
        ThreadPool.SetMinThreads(running, 1);
        ThreadPool.SetMaxThreads(running, completionPorts);
        ThreadPool.SetMaxThreads(Count, completionPorts);
    }

    /// <summary>
    /// How many run: with the lanes as many as there are processors, and one more where the journal keeps one waiting for the disk.
    /// Eight who publish at once with <c>--sync always</c>: 4,200 events a second without that one, 8,900 with it.
    /// </summary>
    public static int Beside(int lanes, int processors, bool waitsForDisk) => Math.Max(1, processors - lanes) + (waitsForDisk ? 1 : 0);

    private static void StartAll()
    {
        using var all = new Barrier(Count + 1);
        for (var thread = 0; thread < Count; thread++)
        {
            ThreadPool.UnsafeQueueUserWorkItem(static all => all.SignalAndWait(), all, preferLocal: false);
        }

        all.SignalAndWait();
    }
}
