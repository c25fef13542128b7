using System.Net;
using System.Net.Sockets;
using SseListener.Delivery;
using SseListener.Events;
using SseListener.Http;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>How the sockets of clients tell that these have left, and how connections are cut; on connections without a server.</summary>
[Platform("Linux")]
public sealed class Departures : IDisposable
{
    private const int Much = 300_000;

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly DepartureWatch _watch = new();
    private readonly List<Socket> _sockets = [];
    private readonly MemoryStream _output = new StuckOutput();
    private readonly OpenConnections _connections;

    public Departures()
    {
        _listener.Start();
        _connections = new OpenConnections(((IPEndPoint)_listener.LocalEndpoint).Port);
    }

    public void Dispose()
    {
        _sockets.ForEach(socket => socket.Dispose());
        _listener.Dispose();
        _output.Dispose();
    }

    [TestCase(false)]
    [TestCase(true)]
    public void Who_has_left_is_found_without_reading_all_connections_again(bool resets)
    {
        var (gone, theirs, ours) = Watched();
        var (other, _, _) = Watched();
        Assert.That(_watch.NeedsReading, Is.True, "they are new");
        _watch.Check(_connections.ReadEstablished);
        Assert.That(_watch.NeedsReading, Is.False);
        _watch.CheckFound();
        Assert.That((gone.Ended.IsCompleted, other.Ended.IsCompleted), Is.EqualTo((false, false)));

        theirs.LingerState = new LingerOption(resets, 0);
        theirs.Dispose();
        Assert.That(ours.Poll(Wait.Limit, SelectMode.SelectRead), Is.True);
        _watch.CheckFound();
        Assert.That((gone.Ended.IsCompleted, other.Ended.IsCompleted), Is.EqualTo((true, false)));
        Assert.That(gone.Ended.Result, Is.EqualTo(EndReason.Left));
    }

    [Test]
    public void Who_sends_something_has_not_left()
    {
        var (client, theirs, ours) = Watched();
        _watch.Check(_connections.ReadEstablished);
        theirs.Send("x"u8);
        Assert.That(ours.Poll(Wait.Limit, SelectMode.SelectRead), Is.True);
        _watch.CheckFound();
        Assert.That(client.Ended.IsCompleted, Is.False);
    }

    [Test]
    public void A_descriptor_that_is_anothers_now_does_not_stand_for_its_former_client()
    {
        // The lowest free number is handed out, but other tests take some too.
        Assert.That(Enumerable.Range(0, 100).Any(_ => PassesItsDescriptorOn()), Is.True, "no number was handed out again");
    }

    [Test]
    public void A_client_that_comes_while_connections_are_read_needs_another_reading()
    {
        Client? client = null;
        _watch.Check(() =>
        {
            client = Watched().Client;
            return new Dictionary<Connection, OpenSocket?>();
        });
        Assert.That(_watch.NeedsReading, Is.True);
        Assert.That(client!.Ended.IsCompleted, Is.False);
    }

    [Test]
    public async Task A_write_in_flight_has_a_moment_to_tell_why_its_client_is_gone()
    {
        var (client, _, _) = Watched();
        var (other, _, _) = Watched();
        client.Tick(now: long.MaxValue / 2, heartbeat: 0, writeTimeout: long.MaxValue);
        _watch.Check(() => new Dictionary<Connection, OpenSocket?>());
        Assert.That(client.Ended.IsCompleted, Is.False);
        Assert.That(other.Ended.IsCompleted, Is.True, "there is no write that could tell");
        Assert.That(await client.Ended.WaitAsync(Wait.Limit), Is.EqualTo(EndReason.Left));
    }

    [Test]
    public void A_connection_is_cut_once_though_its_descriptor_stays_open()
    {
        var (theirs, ours) = Connect();
        Assert.That(_connections.Cut((_, _) => false), Is.EqualTo((0, 0)));
        Assert.That(_connections.Cut((_, _) => true), Is.EqualTo((1, 1)));
        Assert.That(_connections.Cut((_, _) => true), Is.EqualTo((1, 0)));
        ours.Dispose();
        Assert.That(_connections.Cut((_, _) => true), Is.EqualTo((0, 0)));
        Assert.That(theirs.Receive(new byte[1]), Is.Zero);
    }

    [Test]
    public void A_connection_whose_other_end_has_closed_is_not_cut()
    {
        var (theirs, ours) = Connect();
        theirs.Dispose();
        Assert.That(ours.Poll(Wait.Limit, SelectMode.SelectRead), Is.True);
        Assert.That(_connections.Cut((_, _) => true), Is.EqualTo((1, 0)));
    }

    [Test]
    public void Who_has_brought_a_request_is_no_stranger()
    {
        var idle = new IdleConnections(_connections, TimeSpan.FromMinutes(1));
        var (_, known) = Connect();
        var (stranger, _) = Connect();
        var connection = ConnectionOf(known);
        idle.End(connection, idle.Begin(connection));
        Assert.That(idle.CutStrangers(), Is.EqualTo((1, 1)));
        Assert.That(stranger.Receive(new byte[1]), Is.Zero);
        Assert.That(idle.CutAll(), Is.EqualTo(1));
    }

    // 12 KiB for a request, and at most 64 MiB for all of them.
    [TestCase(0, 32, 0)]
    [TestCase(0, 33, 1)]
    [TestCase(1024, 44, 0)]
    [TestCase(1024, 45, 1)]
    [TestCase(1_000_000, 96, 0)]
    [TestCase(1_000_000, 97, 1)]
    public async Task Who_sends_without_end_is_looked_for_when_the_heap_grows_by_more_than_requests_leave(int requests, int megabytes, int cut)
    {
        var heap = 0L;
        var idle = new IdleConnections(_connections, TimeSpan.FromMinutes(1), () => heap);
        await SendMuchAsync();
        Answer(idle, requests);

        heap = megabytes * 1024L * 1024;
        Assert.That(idle.CutEndless(), Is.EqualTo(cut));
    }

    [Test]
    public async Task Requests_answered_before_the_heap_shrank_explain_nothing()
    {
        var heap = 10L;
        var idle = new IdleConnections(_connections, TimeSpan.FromMinutes(1), () => heap);
        await SendMuchAsync();
        Answer(idle, 1024);

        Assert.That(idle.CutEndless(), Is.Zero);
        heap = 0;
        Assert.That(idle.CutEndless(), Is.Zero);
        heap = 33 * 1024 * 1024;
        Assert.That(idle.CutEndless(), Is.EqualTo(1));
    }

    [Test]
    public async Task Requests_answered_before_a_look_explain_nothing_after_it()
    {
        var heap = 45 * 1024L * 1024;
        var idle = new IdleConnections(_connections, TimeSpan.FromMinutes(1), () => heap);
        await SendMuchAsync();
        Answer(idle, 1024);
        Assert.That(idle.CutEndless(), Is.EqualTo(1));
        await SendMuchAsync();
        heap += 33 * 1024 * 1024;
        await Wait.UntilAsync(() => idle.CutEndless() == 1, "not cut");
    }

    [Test]
    public async Task Who_goes_on_without_end_after_a_request_is_cut_too()
    {
        var heap = 33 * 1024L * 1024;
        var idle = new IdleConnections(_connections, TimeSpan.FromMinutes(1), () => heap);
        var (theirs, ours) = Connect();
        idle.End(ConnectionOf(ours), idle.Begin(ConnectionOf(ours)));
        await PassAsync(theirs, ours, Much);
        Assert.That(idle.CutEndless(), Is.Zero, "it may have been that request");
        await PassAsync(theirs, ours, Much);
        heap *= 3;
        await Wait.UntilAsync(() => idle.CutEndless() == 1, "not cut");
    }

    [Test]
    public async Task Where_it_is_known_that_there_are_such_the_heap_need_not_have_grown()
    {
        var idle = new IdleConnections(_connections, TimeSpan.FromMinutes(1), () => 0);
        await SendMuchAsync();
        Assert.That(idle.CutEndless(), Is.Zero);
        Assert.That(idle.CutEndless(isKnown: true), Is.EqualTo(1));
        Assert.That(idle.CutEndless(isKnown: true), Is.Zero);
    }

    [Test]
    public async Task What_has_not_been_read_yet_may_be_a_request()
    {
        var idle = new IdleConnections(_connections, TimeSpan.FromMinutes(1), () => 33 * 1024 * 1024);
        var (theirs, ours) = Connect();
        await PassAsync(theirs, ours, Much - 50_000);
        await theirs.SendAsync(new byte[50_000]);
        await Wait.UntilAsync(() => ours.Available == 50_000, "it has not come");
        Assert.That(idle.CutEndless(), Is.Zero);
    }

    private bool PassesItsDescriptorOn()
    {
        var (former, _, ours) = Watched();
        _watch.Check(_connections.ReadEstablished);
        var theirs = BeginConnect();
        var descriptor = ours.Handle;
        ours.Dispose();
        var next = Accept();
        if (next.Handle != descriptor)
        {
            return false;
        }

        theirs.Send("x"u8);
        Assert.That(next.Poll(Wait.Limit, SelectMode.SelectRead), Is.True);
        _watch.CheckFound();
        Assert.That(former.Ended.IsCompleted, Is.True);
        return true;
    }

    private (Client Client, Socket Theirs, Socket Ours) Watched()
    {
        var (theirs, ours) = Connect();
        var client = LoneClient.Of(new ChannelLog("a"), _output);
        _watch.Add(ConnectionOf(ours), client);
        return (client, theirs, ours);
    }

    private static Connection ConnectionOf(Socket ours) => new((IPEndPoint)ours.LocalEndPoint!, (IPEndPoint)ours.RemoteEndPoint!);

    private (Socket Theirs, Socket Ours) Connect() => (BeginConnect(), Accept());

    private static void Answer(IdleConnections idle, int requests)
    {
        var other = new Connection(new IPEndPoint(IPAddress.Loopback, 1), new IPEndPoint(IPAddress.Loopback, 2));
        for (var i = 0; i < requests; i++)
        {
            idle.End(other, idle.Begin(other));
        }
    }

    // More than is read of a header before it is a request.
    private async Task SendMuchAsync()
    {
        var (theirs, ours) = Connect();
        await PassAsync(theirs, ours, Much);
    }

    private static async Task PassAsync(Socket theirs, Socket ours, int bytes)
    {
        var sending = theirs.SendAsync(new byte[bytes]);
        var part = new byte[bytes];
        for (var left = bytes; left > 0;)
        {
            var read = await ours.ReceiveAsync(part).WaitAsync(Wait.Limit);
            Assert.That(read, Is.Positive);
            left -= read;
        }

        await sending;
    }

    private Socket BeginConnect()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        _sockets.Add(socket);
        socket.Connect(_listener.LocalEndpoint);
        return socket;
    }

    private Socket Accept()
    {
        var socket = _listener.AcceptSocket();
        _sockets.Add(socket);
        return socket;
    }

    // Its writes do not end.
    private sealed class StuckOutput : MemoryStream
    {
        public override IAsyncResult BeginWrite(byte[] buffer, int offset, int count, AsyncCallback? callback, object? state) =>
            new TaskCompletionSource().Task;
    }
}
