using System.Globalization;
using System.Text;
using SseListener.Events;
using SseListener.Http;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>
/// A client that stops reading costs nobody anything. Alone, because HttpListener's own way to send holds a thread of the pool for each
/// such client, and the servers of other tests share that pool.
/// </summary>
[NonParallelizable]
[TestFixture(true)]
[TestFixture(false)]
public sealed class SlowClients(bool usesPrivateNames)
{
    private const int Events = 40;
    private static readonly string _big = new('x', 500_000);

    [Test]
    public async Task A_client_that_stops_reading_holds_up_neither_the_others_nor_a_publish()
    {
        await using var server = Start(o => o with { PresenceLimit = 0 });
        using var stalled = await StalledClient.OpenAsync(server.Port);
        await using var other = await server.SubscribeAsync();
        var reading = other.NextDataAsync(Events);
        await FillAsync(server);
        Assert.That((await reading).Select(text => text.Trim('"', 'x')), Is.EqualTo(Enumerable.Range(0, Events).Select(i => i.ToString(CultureInfo.InvariantCulture))));
        Assert.That(server.Server.Clients, Has.Count.EqualTo(2), "20 MB are well within history: nobody is to be thrown out");
    }

    [Test]
    public async Task A_client_that_reads_again_gets_everything()
    {
        await using var server = Start(o => o with { PresenceLimit = 0 });
        using var stalled = await StalledClient.OpenAsync(server.Port);
        await FillAsync(server);
        await server.PublishAsync("""{"id":"last","data":"the end"}""");

        // With the end of its chunk: before it the chunk is not whole.
        await stalled.ReadUntilAsync("\nid: last\n\n\r\n");
        var received = stalled.Body;
        Assert.That(received.Split("\ndata: \"").Skip(1).Select(text => text.Split('"')[0].Trim('x')), Is.EqualTo(Enumerable.Range(0, Events).Select(i => i.ToString(CultureInfo.InvariantCulture)).Append("the end")));
    }

    [Test]
    public async Task A_client_whose_next_event_is_dropped_from_history_is_disconnected()
    {
        await using var server = Start(o => o with { PresenceLimit = 0, History = 1024 * 1024 });
        using var stalled = await StalledClient.OpenAsync(server.Port);
        await using var other = await server.SubscribeAsync();
        for (var i = 0; i < Events; i++)
        {
            await server.PublishAsync($$"""{"data":"{{i}}{{_big}}"}""");
            Assert.That((await other.NextAsync()).Data, Does.StartWith($"\"{i}x"));
        }

        await Wait.UntilAsync(() => server.Server.Clients.Count == 1, "it is still there");
        await server.LogsAsync("no longer kept");
    }

    [Test]
    public async Task A_write_that_takes_longer_than_the_write_timeout_ends_its_client()
    {
        await using var server = Start(o => o with { PresenceLimit = 0, WriteTimeout = TimeSpan.FromMilliseconds(700) });
        using var stalled = await StalledClient.OpenAsync(server.Port);
        await FillAsync(server);
        await Wait.UntilAsync(() => server.Server.Clients.Count == 0, "it is still there");
        await server.LogsAsync("took nothing for longer than the write timeout");
    }

    [Test]
    [Platform("Linux")]
    public async Task The_reason_is_the_same_when_the_kernel_finds_it_out_first()
    {
        await using var server = Start(o => o with { PresenceLimit = 0 });
        using var stalled = await StalledClient.OpenAsync(server.Port);
        server.Accepted().Single().SetRawSocketOption(TcpOption.Level, TcpOption.UserTimeout, BitConverter.GetBytes(300));
        await FillAsync(server);
        await Wait.UntilAsync(() => server.Server.Clients.Count == 0, "it is still there");
        await server.LogsAsync("took nothing for longer than the write timeout");
    }

    [Test]
    public async Task A_client_that_stops_reading_does_not_hold_up_the_stop()
    {
        await using var server = Start(o => o with { PresenceLimit = 0 });
        using var stalled = await StalledClient.OpenAsync(server.Port);
        await FillAsync(server);
        await server.Server.StopAsync().WaitAsync(TimeSpan.FromSeconds(5));
        await Wait.UntilAsync(() => server.Server.Clients.Count == 0, "it is still there");
    }

    [Test]
    public async Task A_crowd_that_stops_reading_is_disconnected_to_the_last_client()
    {
        await using var server = Start(o => o with { PresenceLimit = 0, History = 1024 * 1024 });
        var stalled = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => StalledClient.OpenAsync(server.Port)));
        await FillAsync(server);
        await Wait.UntilAsync(() => server.Server.Clients.Count == 0, "lapped clients are still there");
        foreach (var client in stalled)
            client.Dispose();
    }

    // What it is being sent may be dropped, as it is held for it. It ends when what it is to get next is gone.
    [Test]
    public void A_client_whose_next_event_is_kept_has_not_fallen_behind()
    {
        var history = new History(new Allowances(100, TimeSpan.FromHours(1)), _ => { });
        var log = new ChannelLog("a");
        var frame = Encoding.UTF8.GetBytes($"data: {new string('x', 60)}\n\n");
        void Append(int sequence) => history.Append(log, frame, sequence, time: sequence);

        Append(1);
        var feed = new ChannelFeed(history.LogIndex, log.After(0));
        Assert.That(feed.Fill(new Slice()), Is.EqualTo(CursorState.Slice));
        Append(2);
        history.Trim(first: 2);
        Assert.That(feed.IsLapped, Is.False);
        Append(3);
        history.Trim(first: 3);
        Assert.That(feed.IsLapped, Is.True);
    }

    private static async Task FillAsync(TestServer server)
    {
        for (var i = 0; i < Events; i++)
            await server.PublishAsync($$"""{"data":"{{i}}{{_big}}"}""");
    }

    // Both ways that frames may go: on the connection's own socket, and through HttpListener where that cannot be reached.
    private TestServer Start(Func<ServerOptions, ServerOptions>? change = null) =>
        TestServer.Start(o => (change ?? (same => same))(o with { UsesPrivateNames = usesPrivateNames }));
}
