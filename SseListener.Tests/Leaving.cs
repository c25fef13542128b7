using System.Globalization;
using System.Net.Sockets;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>How a client's going is noticed, with no event and no heartbeat to help.</summary>
public sealed class Leaving
{
    [TestCase(false)]
    [TestCase(true)]
    public async Task A_client_that_closes_or_resets_its_connection_is_gone_soon(bool resets)
    {
        await using var server = TestServer.Start();
        await using var watcher = await server.SubscribeAsync();
        using var raw = new RawRequest(server.Port);
        await raw.SendAsync($"GET /events HTTP/1.1\r\nHost: 127.0.0.1:{server.Port}\r\n\r\n");
        await raw.ReadUntilAsync("retry: ");
        var id = (await watcher.NextAsync()).Data["{\"joined\":\"".Length..][..10];
        if (resets)
            raw.Reset();
        else
            raw.Dispose();

        Assert.That((await watcher.NextAsync()).Data, Is.EqualTo($$"""{"left":"{{id}}","clients":1}"""));
        await Wait.UntilAsync(() => server.Logged.Contains($"connection closed by client {id}", StringComparison.Ordinal), "not logged");
        await Wait.UntilAsync(() => server.Server.Clients.Keys.SequenceEqual([watcher.ClientId]), "it is still there");
    }

    [Test]
    public async Task A_client_that_sends_a_little_behind_its_request_stays()
    {
        await using var server = TestServer.Start(o => o with { PresenceLimit = 0 });
        using var raw = await ChunkedStreams.SubscribeAsync(server);
        for (var i = 0; i < 8; i++)
            await raw.SendAsync(new string('x', 1000));

        await server.PublishAsync("""{"data":"still here"}""");
        await raw.ReadUntilAsync("still here");
        Assert.That(server.Server.Clients, Has.Count.EqualTo(1));
    }

    [Test]
    public async Task A_client_that_sends_more_than_a_little_is_ended()
    {
        await using var server = TestServer.Start(o => o with { PresenceLimit = 0 });
        using var raw = await ChunkedStreams.SubscribeAsync(server);
        await raw.SendAsync(new string('x', 9000));
        await server.ExpectMetricAsync("""sse_streams_ended_total{reason="sent_more"}""", 1);
        await Wait.UntilAsync(() => server.Server.Clients.Count == 0, "it is still there");
    }

    [Test]
    [Platform("Linux")]
    public async Task The_socket_of_a_stream_has_its_options()
    {
        await using var server = TestServer.Start(o => o with { WriteTimeout = TimeSpan.FromSeconds(12) });
        await using var client = await server.SubscribeAsync();
        await Wait.UntilAsync(() => server.Logged.Contains(" connected from ", StringComparison.Ordinal), "it is not connected");
        var accepted = server.Accepted().Single();
        Span<byte> timeout = stackalloc byte[sizeof(int)];
        accepted.GetRawSocketOption(TcpOption.Level, TcpOption.UserTimeout, timeout);
        Assert.That(accepted.NoDelay, Is.True);
        Assert.That(accepted.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive), Is.EqualTo(1));
        Assert.That(BitConverter.ToInt32(timeout), Is.EqualTo(12_000));
    }

    [Test]
    public async Task A_client_that_resets_during_a_write_is_gone_and_the_others_miss_nothing()
    {
        await using var server = TestServer.Start(o => o with { PresenceLimit = 0 });
        await using var other = await server.SubscribeAsync();
        using var stalled = await StalledClient.OpenAsync(server.Port);
        var big = new string('x', 500_000);
        for (var i = 0; i < 20; i++)
            await server.PublishAsync($$"""{"data":"{{i}}{{big}}"}""");

        stalled.Reset();
        await Wait.UntilAsync(() => server.Server.Clients.Count == 1, "the client that left is still there");
        var data = await other.NextDataAsync(20);
        Assert.That(data.Select(text => text.Trim('"', 'x')), Is.EqualTo(Enumerable.Range(0, 20).Select(i => i.ToString(CultureInfo.InvariantCulture))));
    }

    [Test]
    [Platform("Linux")]
    public async Task A_crowd_that_comes_and_goes_leaves_nothing_behind()
    {
        await using var server = TestServer.Start(o => o with { PresenceLimit = 0 });
        for (var round = 0; round < 3; round++)
            await RoundAsync(server);

        // The publisher's connection stays.
        await Wait.UntilAsync(() => server.Accepted().Count <= 1, "connections stay open");
    }

    private static async Task RoundAsync(TestServer server)
    {
        var clients = await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => server.SubscribeAsync()));
        var id = await server.PublishAsync("""{"data":1}""");
        foreach (var client in clients)
            Assert.That((await client.NextAsync()).EventId, Is.EqualTo(id));

        foreach (var client in clients)
            await client.DisposeAsync();

        await Wait.UntilAsync(() => server.Server.Clients.Count == 0, "somebody is still there");
    }
}
