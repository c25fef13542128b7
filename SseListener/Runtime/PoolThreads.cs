using SseListener.Http;
using SseListener.Journal;

namespace SseListener.Runtime;

/// <summary>
/// Lets only as many threads of the pool run as are needed. A publish is a chain of short pieces of work, and the pool would wake one
/// more thread for each, which finds nothing left to do and takes a processor from others.
/// </summary>
internal static class PoolThreads
{
    /// <summary>Sets up the pool before it is used. Where the program's environment forces its size, that counts.</summary>
    public static void Prepare(ServerOptions options)
    {
        // The pool does not try out whether more threads would do more, and the few it has stay when they have nothing to do.
        var waitsForDisk = options.Data is not null && options.Sync == JournalSync.Always;
        var running = RunningBeside(options.Lanes, Environment.ProcessorCount, waitsForDisk);
        AppContext.SetSwitch("System.Threading.ThreadPool.HillClimbing.Disable", true);
        AppContext.SetData("System.Threading.ThreadPool.ThreadsToKeepAlive", running);
        if (ThreadPool.SetMinThreads(running, 1))
        {
            // The pool begins with a thread for each processor. Only a lower maximum, for a moment, makes it fewer. More join when those
            // that run are stuck, as with refused bodies that trickle.
            ThreadPool.GetMaxThreads(out _, out var completionPorts);
            ThreadPool.SetMaxThreads(running, completionPorts);
            ThreadPool.SetMaxThreads(Math.Max(32, 2 * Environment.ProcessorCount), completionPorts);
        }
    }

    /// <summary>How many threads run: one for each processor without a lane, and one more if the journal waits for the disk.</summary>
    public static int RunningBeside(int lanes, int processors, bool waitsForDisk) =>
        Math.Max(1, processors - lanes) + (waitsForDisk ? 1 : 0);
}
