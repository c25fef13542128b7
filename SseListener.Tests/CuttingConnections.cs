using System.Net.Sockets;
using SseListener.Listener;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>How connections are cut; without a server.</summary>
[Platform("Linux")]
public sealed class CuttingConnections : IDisposable
{
    private readonly Connections _connections = new();

    public void Dispose() => _connections.Dispose();

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

    [Test]
    public async Task Of_connections_that_are_gone_nothing_is_remembered()
    {
        var heap = 0L;
        var idle = new IdleConnections(_connections.Open, TimeSpan.FromMinutes(1), 32 * 1024, () => heap += 100_000_000);
        var (_, known) = _connections.Connect();
        var (_, stranger) = _connections.Connect();
        var connection = Connections.Of(known);
        idle.End(connection, idle.Begin(connection));
        idle.CutEndless();
        idle.CutExpired(_connections.Open.ReadEstablished);
        Assert.That(idle.Remembered, Is.EqualTo(4));
        known.Dispose();
        stranger.Dispose();
        await Wait.UntilAsync(() => idle.CutExpired(_connections.Open.ReadEstablished) == 0 && idle.Remembered == 0, "something is kept");
    }
}
