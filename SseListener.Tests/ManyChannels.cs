using System.Globalization;
using System.Text;
using SseListener.Events;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>How many channels there may be, and when they are forgotten.</summary>
public sealed class ManyChannels
{
    [Test]
    public async Task One_more_is_refused_and_the_others_go_on()
    {
        await using var server = TestServer.Start(o => o with { MaxChannels = 3 });
        await using var client = await server.SubscribeAsync("?channel=a");
        var id = await server.PublishAsync("""{"data":1}""", "b");
        await using var both = await server.SubscribeAsync("?channel=a&channel=b&channel=x/*&lastEventId=earliest");
        Assert.That(await server.IsAdmittedAsync("?channel=y/*"), Is.False);
        Assert.That((await both.NextAsync()).EventId, Is.EqualTo(id));
        using var published = await server.PostAsync("/events?channel=c", "text/plain", "x");
        await Problem.ExpectAsync(published, 503, "There are 3 channels already.");
        Assert.That(published.Headers.RetryAfter?.ToString(), Is.EqualTo("1"));
        Assert.That(await server.IsAdmittedAsync("?channel=a&channel=c"), Is.False);
        await server.LogsAsync("503: There are 3 channels already.");
        Assert.That((await client.NextAsync()).EventType, Is.EqualTo("join"));
        await server.ExpectNothingArrivedAsync(client, "a");
    }

    [Test]
    public async Task A_channel_without_clients_and_events_is_forgotten()
    {
        await using var server = TestServer.Start(o => o with { MaxChannels = 1, HistoryAge = TimeSpan.FromSeconds(1) });
        for (var i = 0; i < 3; i++)
        {
            await using (var client = await server.SubscribeAsync($"?channel=c{i}"))
            {
                Assert.That(await server.IsAdmittedAsync("?channel=other"), Is.False);
            }

            await UntilThereIsRoomAsync(server);
        }

        await server.PublishAsync("""{"data":1}""", "kept");
        Assert.That(await server.IsAdmittedAsync("?channel=other"), Is.False);
        await UntilThereIsRoomAsync(server);
    }

    [Test]
    public async Task What_a_journal_has_kept_is_not_refused()
    {
        using var folder = new TempFolder();
        await using (var first = TestServer.Start(o => o with { Data = folder.Path }))
        {
            foreach (var channel in (string[])["a", "b", "a/1"])
            {
                await first.PublishAsync("""{"data":1}""", channel);
            }
        }

        await using var server = TestServer.Start(o => o with { Data = folder.Path, MaxChannels = 2 });
        await using var client = await server.SubscribeAsync("?channel=a&channel=b&channel=a/1&lastEventId=earliest");
        Assert.That(await client.NextDataAsync(3), Is.EqualTo((string[])["1", "1", "1"]));
        using var refused = await server.PostAsync("/events?channel=c", "text/plain", "x");
        Assert.That((int)refused.StatusCode, Is.EqualTo(503));
    }

    [Test]
    public async Task A_journal_keeps_the_order_over_all_channels()
    {
        using var folder = new TempFolder();
        var ids = new List<string>();
        await using (var first = TestServer.Start(o => o with { Data = folder.Path }))
        {
            foreach (var channel in (string[])["b", "t/1", "a", "b", "t/2", "a"])
            {
                ids.Add(await first.PublishAsync("""{"data":1}""", channel));
            }
        }

        await using var server = TestServer.Start(o => o with { Data = folder.Path });
        await using var client = await server.SubscribeAsync("?channel=a&channel=b&channel=t/*", ids[0]);
        ids.Add(await server.PublishAsync("""{"data":1}""", "t/3"));
        foreach (var id in ids.Skip(1))
        {
            Assert.That((await client.NextAsync()).EventId, Is.EqualTo(id));
        }
    }

    [Test]
    public void A_hundred_thousand_channels_with_an_event_each_take_little_memory()
    {
        const int Channels = 100_000;
        var limits = new HubLimits(64 * 1024 * 1024, TimeSpan.FromHours(1), PresenceLimit: 0, Channels);
        var before = GC.GetTotalMemory(forceFullCollection: true);
        using var hub = new EventHub(limits, _ => true, _ => { });
        for (var i = 0; i < Channels; i++)
        {
            hub.Restore(i + 1, string.Create(CultureInfo.InvariantCulture, $"orders/{i:d8}"), DateTimeOffset.UtcNow.ToUnixTimeMilliseconds(), Encoding.ASCII.GetBytes($"data: {new string('x', 80)}\nid: {i:d10}\n\n"));
        }

        // What a process has besides is about 60 MB.
        Assert.That(GC.GetTotalMemory(forceFullCollection: true) - before, Is.LessThan(100_000_000));
        GC.KeepAlive(hub);
    }

    private static async Task UntilThereIsRoomAsync(TestServer server)
    {
        using var limit = new CancellationTokenSource(Wait.Limit);
        while (!await server.IsAdmittedAsync("?channel=other"))
        {
            limit.Token.ThrowIfCancellationRequested();
        }

        await Wait.UntilAsync(() => server.Server.Clients.Count == 0, "it is still there");
    }
}
