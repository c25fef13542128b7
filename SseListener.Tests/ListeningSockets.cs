using System.Net;
using System.Net.Sockets;
using SseListener.Listener;
using SseListener.Log;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>The queue of newcomers. On Linux; elsewhere nothing is set.</summary>
[Platform("Linux")]
public sealed class ListeningSockets
{
    [Test]
    public void Newcomers_can_be_kept_away_for_a_while()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var log = new LogWriter(TextWriter.Null, LogLevel.Info);
        var listening = new ListeningSocket(((IPEndPoint)listener.LocalEndpoint).Port, 256 * 1024, log);
        listening.Tune();
        listening.Unmute();

        // Within one machine a connection is there at once, or not for a second.
        using var before = BeginConnect(listener.LocalEndpoint);
        Assert.That(before.Poll(Wait.Limit, SelectMode.SelectWrite), Is.True);
        listening.Mute();
        listening.Mute();
        using var newcomer = BeginConnect(listener.LocalEndpoint);
        Assert.That(newcomer.Poll(TimeSpan.Zero, SelectMode.SelectWrite), Is.False);
        using var accepted = listener.AcceptSocket();
        accepted.Send("x"u8);
        Assert.That(before.Poll(Wait.Limit, SelectMode.SelectRead), Is.True, "who is here already is not kept away");
        listening.Unmute();
        Assert.That(newcomer.Poll(Wait.Limit, SelectMode.SelectWrite), Is.True);
    }

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

    private static Socket BeginConnect(EndPoint to)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { Blocking = false };
        Assert.That(() => socket.Connect(to), Throws.InstanceOf<SocketException>().With.Property(nameof(SocketException.SocketErrorCode)).EqualTo(SocketError.WouldBlock));
        return socket;
    }

    // Two lines for TcpExt: the names, and the values.
    private static string Overflows()
    {
        var lines = File.ReadLines("/proc/net/netstat").Where(line => line.StartsWith("TcpExt:", StringComparison.Ordinal)).Select(line => line.Split(' ')).ToArray();
        return lines[1][Array.IndexOf(lines[0], "ListenOverflows")];
    }
}
