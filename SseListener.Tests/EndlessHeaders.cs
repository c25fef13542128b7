using System.Net;
using System.Net.Sockets;
using SseListener.Listener;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>When those who send a header without end are looked for, and who is taken for one; on connections without a server.</summary>
[Platform("Linux")]
public sealed class EndlessHeaders : IDisposable
{
    private const int Much = 300_000;

    private readonly Connections _connections = new();

    public void Dispose() => _connections.Dispose();

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
        var idle = new IdleConnections(_connections.Open, TimeSpan.FromMinutes(1), 32 * 1024, () => heap);
        await SendMuchAsync();
        Answer(idle, requests);

        heap = megabytes * 1024L * 1024;
        Assert.That(idle.CutEndless(), Is.EqualTo(cut));
    }

    [Test]
    public async Task Requests_answered_before_the_heap_shrank_explain_nothing()
    {
        var heap = 10L;
        var idle = new IdleConnections(_connections.Open, TimeSpan.FromMinutes(1), 32 * 1024, () => heap);
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
        var idle = new IdleConnections(_connections.Open, TimeSpan.FromMinutes(1), 32 * 1024, () => heap);
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
        var idle = new IdleConnections(_connections.Open, TimeSpan.FromMinutes(1), 32 * 1024, () => heap);
        var (theirs, ours) = _connections.Connect();
        idle.End(Connections.Of(ours), idle.Begin(Connections.Of(ours)));
        await PassAsync(theirs, ours, Much);
        Assert.That(idle.CutEndless(), Is.Zero, "it may have been that request");
        await PassAsync(theirs, ours, Much);
        heap *= 3;
        await Wait.UntilAsync(() => idle.CutEndless() == 1, "not cut");
    }

    [Test]
    public async Task Where_it_is_known_that_there_are_such_the_heap_need_not_have_grown()
    {
        var idle = new IdleConnections(_connections.Open, TimeSpan.FromMinutes(1), 32 * 1024, () => 0);
        await SendMuchAsync();
        Assert.That(idle.CutEndless(), Is.Zero);
        Assert.That(idle.CutEndless(isKnown: true), Is.EqualTo(1));
        Assert.That(idle.CutEndless(isKnown: true), Is.Zero);
    }

    [Test]
    public async Task A_header_as_long_as_it_may_be_has_an_end()
    {
        var idle = new IdleConnections(_connections.Open, TimeSpan.FromMinutes(1), 64 * 1024, () => 33 * 1024 * 1024);
        await SendMuchAsync();
        Assert.That(idle.CutEndless(), Is.Zero);
    }

    [Test]
    public async Task What_has_not_been_read_yet_may_be_a_request()
    {
        var idle = new IdleConnections(_connections.Open, TimeSpan.FromMinutes(1), 32 * 1024, () => 33 * 1024 * 1024);
        var (theirs, ours) = _connections.Connect();
        await PassAsync(theirs, ours, Much - 50_000);
        await theirs.SendAsync(new byte[50_000]);
        await Wait.UntilAsync(() => ours.Available == 50_000, "it has not come");
        Assert.That(idle.CutEndless(), Is.Zero);
    }

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
        var (theirs, ours) = _connections.Connect();
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
}
