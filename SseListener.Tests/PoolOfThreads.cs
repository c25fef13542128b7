using System.Net;
using System.Net.Sockets;
using SseListener.Journal;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>The thread pool of the program: which threads it has, and that it needs no more of them in a flood.</summary>
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

    [Test]
    [Platform("Linux")]
    public async Task A_flood_that_takes_the_last_descriptor_again_and_again_does_not_end_it()
    {
        var (program, port) = await BuiltProgram.ListenAsync("", line => BuiltProgram.Shell($"ulimit -n 400; exec dotnet \"{BuiltProgram.File}\" {line}"));
        using var running = program;
        var held = new List<Socket>();
        await Wait.UntilAsync(() => Flood(port, held, program), "it does not open again and again");
        Assert.That(program.HasEnded, Is.False, program.Errors);
        held.ForEach(connection => connection.Dispose());

        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}"), Timeout = Wait.Limit };
        Assert.That((await http.GetAsync(new Uri("healthz", UriKind.Relative))).StatusCode, Is.EqualTo(HttpStatusCode.OK));
    }

    // So many connections as fast as they can be begun; true once it is enough.
    private static bool Flood(int port, List<Socket> held, BuiltProgram program)
    {
        for (var i = 0; i < 5000; i++)
        {
            if (held.Count == 2000)
            {
                held[0].Dispose();
                held.RemoveAt(0);
            }

            BeginConnect(port, held);
        }

        return program.HasEnded || program.Errors.Split("open for newcomers again").Length > 50;
    }

    private static void BeginConnect(int port, List<Socket> held)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { Blocking = false };
        held.Add(socket);
        try
        {
            socket.Connect(IPAddress.Loopback, port);
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.WouldBlock)
        {
            // It goes on by itself.
        }
    }
}
