namespace SseListener;

/// <summary>
/// How many threads the pool has before it looks whether more would help. A publish is a chain of short pieces of work, and the pool
/// wakes a thread more for each of them while it has fewer than these: that one finds nothing left to do, and has taken a processor
/// from those who have. 1,000 clients, events back to back on two processors, medians of eight runs side by side: 3.4 million
/// deliveries a second at 0.29 us of CPU each with one thread, 2.2 million at 0.40 us with the usual two.
/// </summary>
/// <remarks>
/// That the pool tries out more threads (hill climbing) costs: without it, and with a single thread looking for work as long as .NET lets
/// it, a publish took 60 us instead of 80, and bursts were a fifth faster. But of 26 floods at <c>ulimit -n</c> 400 and 1024 the process
/// survived one ("Out of memory"): presumably the pool starts a second thread only when the first is stuck, as it is when connections take
/// the last descriptor, and starting one takes descriptors.
/// </remarks>
internal static class PoolThreads
{
    /// <summary>For the server.</summary>
    public static void Share(ServerOptions options) =>
        SetLeast(Beside(options.Lanes, Environment.ProcessorCount, options.Data is not null));

    /// <summary>For everything else: what .NET starts with unless it is told otherwise, as it is by the project file.</summary>
    public static void Standard() => SetLeast(Environment.ProcessorCount);

    /// <summary>With the lanes as many as there are processors, and one more where the journal keeps one waiting for the disk.</summary>
    public static int Beside(int lanes, int processors, bool waitsForDisk) => Math.Max(1, processors - lanes) + (waitsForDisk ? 1 : 0);

    private static void SetLeast(int threads)
    {
        ThreadPool.GetMinThreads(out _, out var completionPorts);
        ThreadPool.SetMinThreads(threads, completionPorts);
    }
}
