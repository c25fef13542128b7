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
    private readonly DepartureWatch _watch = new();
    private readonly MemoryStream _output = new StuckOutput();
    private readonly Connections _connections = new();

    public void Dispose()
    {
        _connections.Dispose();
        _output.Dispose();
    }

    [TestCase(false)]
    [TestCase(true)]
    public void Who_has_left_is_found_without_reading_all_connections_again(bool resets)
    {
        var (gone, theirs, ours) = Watched();
        var (other, _, _) = Watched();
        Assert.That(_watch.NeedsReading, Is.True, "they are new");
        _watch.Check(_connections.Open.ReadEstablished);
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
        _watch.Check(_connections.Open.ReadEstablished);
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
        var (theirs, ours) = _connections.Connect();
        Assert.That(_connections.Open.Cut((_, _) => false), Is.EqualTo((0, 0)));
        Assert.That(_connections.Open.Cut((_, _) => true), Is.EqualTo((1, 1)));
        Assert.That(_connections.Open.Cut((_, _) => true), Is.EqualTo((1, 0)));
        ours.Dispose();
        Assert.That(_connections.Open.Cut((_, _) => true), Is.EqualTo((0, 0)));
        Assert.That(theirs.Receive(new byte[1]), Is.Zero);
    }

    [Test]
    public void A_connection_whose_other_end_has_closed_is_not_cut()
    {
        var (theirs, ours) = _connections.Connect();
        theirs.Dispose();
        Assert.That(ours.Poll(Wait.Limit, SelectMode.SelectRead), Is.True);
        Assert.That(_connections.Open.Cut((_, _) => true), Is.EqualTo((1, 0)));
    }

    [Test]
    public void Who_has_brought_a_request_is_no_stranger()
    {
        var idle = new IdleConnections(_connections.Open, TimeSpan.FromMinutes(1), 32 * 1024);
        var (_, known) = _connections.Connect();
        var (stranger, _) = _connections.Connect();
        var connection = Connections.Of(known);
        idle.End(connection, idle.Begin(connection));
        Assert.That(idle.CutStrangers(), Is.EqualTo((1, 1)));
        Assert.That(stranger.Receive(new byte[1]), Is.Zero);
        Assert.That(idle.CutAll(), Is.EqualTo(1));
    }

    private bool PassesItsDescriptorOn()
    {
        var (former, _, ours) = Watched();
        _watch.Check(_connections.Open.ReadEstablished);
        var theirs = _connections.BeginConnect();
        var descriptor = ours.Handle;
        ours.Dispose();
        var next = _connections.Accept();
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
        var (theirs, ours) = _connections.Connect();
        var client = LoneClient.Of(new ChannelLog("a"), _output);
        _watch.Add(Connections.Of(ours), client);
        return (client, theirs, ours);
    }

    // Its writes do not end.
    private sealed class StuckOutput : MemoryStream
    {
        public override IAsyncResult BeginWrite(byte[] buffer, int offset, int count, AsyncCallback? callback, object? state) =>
            new TaskCompletionSource().Task;
    }
}
