using System.Globalization;
using System.Text;
using SseListener.Events;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>How many channels there may be, and when they are forgotten.</summary>
public sealed class ManyChannels
{
    [Test]
    public async Task One_more_to_listen_to_is_refused_and_the_others_go_on()
    {
        await using var server = TestServer.Start(o => o with { MaxChannels = 3, PresenceLimit = 0 });
        await using var client = await server.SubscribeAsync("?channel=a");
        await using var both = await server.SubscribeAsync("?channel=a&channel=b&channel=x/*");
        Assert.That(await server.IsAdmittedAsync("?channel=y/*"), Is.False);
        Assert.That(await server.IsAdmittedAsync("?channel=a&channel=c"), Is.False);
        await server.LogsAsync("503: There are 3 channels already.");
        Assert.That(await server.IsAdmittedAsync("?channel=b"), Is.True);
        await server.ExpectNothingArrivedAsync(client, "a");
    }

    [Test]
    public async Task Those_who_only_listen_take_no_place_from_those_who_publish()
    {
        await using var server = TestServer.Start(o => o with { MaxChannels = 2 });
        await using var first = await server.SubscribeAsync("?channel=a&channel=b");
        Assert.That(await server.IsAdmittedAsync("?channel=c"), Is.False);
        await server.PublishAsync("""{"data":1}""", "c");
        await server.PublishAsync("""{"data":1}""", "a");
        Assert.That((await first.NextAsync()).Data, Is.EqualTo("1"));
        Assert.That(await server.IsAdmittedAsync("?channel=d"), Is.True, "one that is listened to keeps something now");
    }

    [Test]
    public async Task The_channel_that_is_silent_longest_gives_way_unless_somebody_listens()
    {
        await using var server = TestServer.Start(o => o with { MaxChannels = 3 });
        await using var client = await server.SubscribeAsync("?channel=listened");
        foreach (var channel in (string[])["listened", "old", "older", "old"])
            await server.PublishAsync("""{"data":1}""", channel);

        var last = await server.PublishAsync("""{"data":2}""", "new");
        await using var again = await server.SubscribeAsync("?channel=old&channel=listened&channel=older&lastEventId=earliest");
        Assert.That(await again.NextDataAsync(3), Is.EqualTo((string[])["1", "1", "1"]));
        await server.ExpectNothingArrivedAsync(again, "old");
        await using var lost = await server.SubscribeAsync("?channel=older", last);
        await server.PublishAsync("""{"data":3}""", "new");
        Assert.That(await server.MetricAsync("sse_history_events"), Is.EqualTo(1 + 3 + 2));
    }

    [Test]
    public async Task One_that_came_back_to_a_channel_that_gave_way_is_told_of_the_gap()
    {
        await using var server = TestServer.Start(o => o with { MaxChannels = 1 });
        var first = await server.PublishAsync("""{"data":1}""", "a");
        await using var client = await server.SubscribeAsync("?channel=a", first);
        var place = client.LastEventId;
        await client.DisposeAsync();
        await server.ExpectMetricAsync("sse_clients", 0);
        await server.PublishAsync("""{"data":2}""", "a");
        await server.PublishAsync("""{"data":1}""", "b");
        await using var again = await server.SubscribeAsync("?channel=a", place);
        Assert.That((await again.NextAsync()).EventType, Is.EqualTo("gap"));
    }

    [Test]
    public async Task A_channel_is_refused_to_publishers_when_all_are_listened_to()
    {
        await using var server = TestServer.Start(o => o with { MaxChannels = 2 });
        await using var client = await server.SubscribeAsync("?channel=a&channel=b");
        await server.PublishAsync("""{"data":1}""", "a");
        await server.PublishAsync("""{"data":1}""", "b");
        using var published = await server.PostAsync("/events?channel=c", "text/plain", "x");
        await Problem.ExpectAsync(published, 503, "There are 2 channels already (--max-channels).");
        Assert.That(published.Headers.RetryAfter?.ToString(), Is.EqualTo("1"));
        await server.PublishAsync("""{"data":1}""", "a");
    }

    [Test]
    public async Task A_channel_a_job_goes_on_for_ever()
    {
        await using var server = TestServer.Start(o => o with { MaxChannels = 100 });
        await Parallel.ForAsync(0, 2000, async (job, _) => await server.PublishAsync("""{"data":1}""", $"jobs/{job}"));
        Assert.That(await server.MetricAsync("sse_channels"), Is.EqualTo(100));
        Assert.That(await server.MetricAsync("sse_history_events"), Is.EqualTo(100));
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
        await server.ExpectMetricAsync("sse_channels", 0);
    }

    [Test]
    public async Task What_a_journal_has_kept_is_not_refused()
    {
        using var folder = new TempFolder();
        await using (var first = TestServer.Start(o => o with { Data = folder.Path }))
        {
            foreach (var channel in (string[])["a", "b", "a/1"])
                await first.PublishAsync("""{"data":1}""", channel);
        }

        await using var server = TestServer.Start(o => o with { Data = folder.Path, MaxChannels = 2 });
        await using var client = await server.SubscribeAsync("?channel=a&channel=b&channel=a/1&lastEventId=earliest");
        Assert.That(await client.NextDataAsync(3), Is.EqualTo((string[])["1", "1", "1"]));
        using var refused = await server.PostAsync("/events?channel=c", "text/plain", "x");
        Assert.That((int)refused.StatusCode, Is.EqualTo(503), "all are listened to");
    }

    [Test]
    public async Task A_journal_keeps_the_order_over_all_channels()
    {
        using var folder = new TempFolder();
        var ids = new List<string>();
        await using (var first = TestServer.Start(o => o with { Data = folder.Path }))
        {
            foreach (var channel in (string[])["b", "t/1", "a", "b", "t/2", "a"])
                ids.Add(await first.PublishAsync("""{"data":1}""", channel));
        }

        await using var server = TestServer.Start(o => o with { Data = folder.Path });
        await using var client = await server.SubscribeAsync("?channel=a&channel=b&channel=t/*", ids[0]);
        ids.Add(await server.PublishAsync("""{"data":1}""", "t/3"));
        foreach (var id in ids.Skip(1))
            Assert.That((await client.NextAsync()).EventId, Is.EqualTo(id));
    }

    // The memory is that of the process.
    [Test]
    [NonParallelizable]
    public void A_hundred_thousand_channels_with_an_event_each_take_little_memory()
    {
        const int Channels = 100_000;
        var limits = new HubLimits(64 * 1024 * 1024, TimeSpan.FromHours(1), Channels);
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var store = new EventStore(limits);
        var restoration = new Restoration(store);
        for (var i = 0; i < Channels; i++)
            restoration.Restore(i + 1, string.Create(CultureInfo.InvariantCulture, $"orders/{i:d8}"), DateTimeOffset.UtcNow.ToUnixTimeMilliseconds(), Encoding.ASCII.GetBytes($"data: {new string('x', 80)}\nid: {i:d10}\n\n"));

        // What a process has besides is about 60 MB.
        Assert.That(GC.GetTotalMemory(forceFullCollection: true) - before, Is.LessThan(100_000_000));
        GC.KeepAlive(store);
    }

    private static async Task UntilThereIsRoomAsync(TestServer server)
    {
        await Wait.UntilAsync(() => server.IsAdmittedAsync("?channel=other"), "there is no room");
        await Wait.UntilAsync(() => server.Server.Clients.Count == 0, "it is still there");
    }
}
