using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>The queue of newcomers.</summary>
[Platform("Linux")]
public sealed class ListeningSockets
{
    // Alone, because the system counts overflows of all sockets together, and other tests bring them about.
    [Test]
    [NonParallelizable]
    public async Task Two_thousand_connects_at_once_overflow_nothing()
    {
        var (program, port) = await BuiltProgram.ListenAsync("--log-level warning");
        using var running = program;
        var before = Overflows();

        // While the server is stopped it accepts nothing, so all of them wait in the backlog.
        program.Signal("STOP");
        var connections = Enumerable.Range(0, 2000).Select(_ => new RawRequest(port)).ToList();
        program.Signal("CONT");
        await connections[^1].SendAsync($"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n");
        await connections[^1].ReadUntilAsync("HTTP/1.1 200");
        Assert.That(Overflows(), Is.EqualTo(before));
        connections.ForEach(connection => connection.Dispose());
    }

    // Two lines for TcpExt: the names, and the values.
    private static string Overflows()
    {
        var lines = File.ReadLines("/proc/net/netstat").Where(line => line.StartsWith("TcpExt:", StringComparison.Ordinal)).Select(line => line.Split(' ')).ToArray();
        return lines[1][Array.IndexOf(lines[0], "ListenOverflows")];
    }
}
