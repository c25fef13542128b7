using SseListener.Http;
using SseListener.Journal;
using SseListener.Runtime;

namespace SseListener.Tests;

/// <summary>How many threads of the program's thread pool run.</summary>
[NonParallelizable]
public sealed class PoolOfThreads
{
    [TestCase(2, 2, false, 1)]
    [TestCase(2, 2, true, 2)]
    [TestCase(4, 8, false, 4)]
    [TestCase(64, 8, false, 1)]
    public void Lanes_and_the_threads_of_the_pool_share_the_processors(int lanes, int processors, bool waitsForDisk, int threads) =>
        Assert.That(PoolThreads.RunningBeside(lanes, processors, waitsForDisk), Is.EqualTo(threads));

    [TestCase("data", true, 2)]
    [TestCase("data", false, 1)]
    [TestCase(null, true, 1)]
    public void Few_threads_run_and_more_may(string? data, bool syncs, int running)
    {
        ThreadPool.GetMinThreads(out var least, out var leastPorts);
        ThreadPool.GetMaxThreads(out var most, out var mostPorts);
        try
        {
            PoolThreads.Prepare(new ServerOptions { Data = data, Sync = syncs ? JournalSync.Always : JournalSync.Os, Lanes = 64 });
            ThreadPool.GetMinThreads(out var few, out _);
            ThreadPool.GetMaxThreads(out var all, out _);
            Assert.That((few, all), Is.EqualTo((running, Math.Max(32, 2 * Environment.ProcessorCount))));
        }
        finally
        {
            ThreadPool.SetMaxThreads(most, mostPorts);
            ThreadPool.SetMinThreads(least, leastPorts);
        }
    }
}
