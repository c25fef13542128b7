using SseListener.Http;
using SseListener.Journal;
using SseListener.Runtime;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>The thread pool of the program: which threads it has, and how many of them run.</summary>
[NonParallelizable]
public sealed class PoolOfThreads
{
    [TestCase(2, 2, false, 1)]
    [TestCase(2, 2, true, 2)]
    [TestCase(4, 8, false, 4)]
    [TestCase(64, 8, false, 1)]
    public void Lanes_and_the_threads_of_the_pool_share_the_processors(int lanes, int processors, bool waitsForDisk, int threads) =>
        Assert.That(PoolThreads.Beside(lanes, processors, waitsForDisk), Is.EqualTo(threads));

    [TestCase("data", true, 2)]
    [TestCase("data", false, 1)]
    [TestCase(null, true, 1)]
    public void The_pool_has_all_its_threads_and_runs_few_of_them(string? data, bool syncs, int running)
    {
        ThreadPool.GetMinThreads(out var least, out var leastPorts);
        ThreadPool.GetMaxThreads(out var most, out var mostPorts);
        try
        {
            PoolThreads.Prepare(new ServerOptions { Data = data, Sync = syncs ? JournalSync.Always : JournalSync.Os, Lanes = 64 });
            ThreadPool.GetMinThreads(out var few, out _);
            ThreadPool.GetMaxThreads(out var all, out _);
            Assert.That((few, all), Is.EqualTo((running, PoolThreads.Count)));
            Assert.That(ThreadPool.ThreadCount, Is.GreaterThanOrEqualTo(PoolThreads.Count));
        }
        finally
        {
            ThreadPool.SetMaxThreads(most, mostPorts);
            ThreadPool.SetMinThreads(least, leastPorts);
        }
    }

    [Test]
    [Platform("Linux")]
    public async Task Its_threads_are_there_from_the_start_and_stay()
    {
        // Threads that do not stay would go when they have had nothing to do for so long: they all have not, in half a second of warm-up.
        var (program, _) = await BuiltProgram.ListenAsync("", line => BuiltProgram.Start(line, environment: ("DOTNET_ThreadPool_ThreadTimeoutMs", "1")));
        using var running = program;
        Assert.That(program.Threads(".NET TP Worker"), Is.EqualTo(PoolThreads.Count));
    }
}
