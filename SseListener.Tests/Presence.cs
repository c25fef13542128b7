using System.Collections.Concurrent;
using System.Globalization;
using SseListener.Delivery;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>Who is told that a client came or went, and that nothing of it is kept.</summary>
public sealed class Presence
{
    // Of joins and leaves; 30 a second are told.
    private const int Places = 20;

    [Test]
    public async Task Those_already_there_are_told_who_joins_and_the_newcomer_is_not()
    {
        await using var server = TestServer.Start();
        await using var first = await server.SubscribeAsync();
        await using var second = await server.SubscribeAsync();
        var join = await first.NextAsync();
        Assert.That(join.EventType, Is.EqualTo("join"));
        Assert.That(join.Data, Is.EqualTo($$"""{"joined":"{{second.ClientId}}","clients":2}"""));
        Assert.That(join.EventId, Does.Match("^@[A-Za-z0-9_-]{22}$"));

        var id = await server.PublishAsync("""{"data":1}""");
        Assert.That((await second.NextAsync()).EventId, Is.EqualTo(id));
        Assert.That((await first.NextAsync()).EventId, Is.EqualTo(id));
    }

    [Test]
    public async Task Those_who_stay_are_told_who_leaves()
    {
        await using var server = TestServer.Start();
        await using var first = await server.SubscribeAsync();
        var second = await server.SubscribeAsync();
        await first.NextAsync();
        await second.DisposeAsync();
        var leave = await first.NextAsync();
        Assert.That(leave.EventType, Is.EqualTo("leave"));
        Assert.That(leave.Data, Is.EqualTo($$"""{"left":"{{second.ClientId}}","clients":1}"""));
        Assert.That(leave.EventId, Does.Match("^@[A-Za-z0-9_-]{22}$"));
    }

    [Test]
    public async Task Presence_can_be_switched_off()
    {
        await using var server = TestServer.Start(o => o with { PresenceLimit = 0 });
        await using var first = await server.SubscribeAsync();
        var second = await server.SubscribeAsync();
        await second.DisposeAsync();
        await Wait.UntilAsync(() => server.Server.Clients.Count == 1, "the client that left is still there");
        await server.ExpectNothingArrivedAsync(first);
    }

    [Test]
    public async Task A_channel_of_more_clients_than_the_limit_is_not_told_and_the_next_number_is_right()
    {
        await using var server = TestServer.Start(o => o with { PresenceLimit = 2 });
        await using var first = await server.SubscribeAsync();
        await using var second = await server.SubscribeAsync();
        Assert.That((await first.NextAsync()).Data, Is.EqualTo($$"""{"joined":"{{second.ClientId}}","clients":2}"""));
        string third;
        await using (var client = await server.SubscribeAsync())
        {
            third = client.ClientId;
            await server.ExpectNothingArrivedAsync(first);
        }

        Assert.That((await first.NextAsync()).Data, Is.EqualTo($$"""{"left":"{{third}}","clients":2}"""));
    }

    [TestCase(10, true)]
    [TestCase(11, false)]
    public async Task A_client_of_more_than_ten_channels_is_counted_but_not_announced(int channels, bool isAnnounced)
    {
        await using var server = TestServer.Start();
        await using var first = await server.SubscribeAsync("?channel=c1");
        await using var many = await server.SubscribeAsync("?" + string.Join('&', Enumerable.Range(1, channels).Select(i => $"channel=c{i}")));
        if (isAnnounced)
            Assert.That((await first.NextAsync()).Data, Is.EqualTo($$"""{"joined":"{{many.ClientId}}","clients":2}"""));

        await using var second = await server.SubscribeAsync("?channel=c1");
        Assert.That((await first.NextAsync()).Data, Is.EqualTo($$"""{"joined":"{{second.ClientId}}","clients":3}"""));
    }

    [Test]
    public async Task Nothing_of_it_is_kept_or_replayed_and_no_channel_lives_by_it()
    {
        using var folder = new TempFolder();
        await using var server = TestServer.Start(o => o with { Data = folder.Path });
        await using (var first = await server.SubscribeAsync())
        {
            await using (await server.SubscribeAsync())
            {
                Assert.That((await first.NextAsync()).EventType, Is.EqualTo("join"));
            }

            Assert.That((await first.NextAsync()).EventType, Is.EqualTo("leave"));
            await using var all = await server.SubscribeAsync("?lastEventId=earliest");
            await server.ExpectNothingArrivedAsync(all);
        }

        await server.ExpectMetricAsync("sse_clients", 0);
        Assert.That(await server.MetricAsync("sse_history_events"), Is.EqualTo(1));
        await using (await server.SubscribeAsync("?channel=other"))
        {
            await using var second = await server.SubscribeAsync("?channel=other");
            await server.ExpectMetricAsync("sse_channels", 2);
        }

        await server.ExpectMetricAsync("sse_channels", 1);
    }

    [Test]
    public async Task A_flood_of_joins_is_told_in_part_and_the_next_number_is_right()
    {
        await using var server = TestServer.Start();
        await using var first = await server.SubscribeAsync();
        await Parallel.ForAsync(0, 80, async (_, _) =>
        {
            await using var client = await server.SubscribeAsync();
        });
        await Wait.UntilAsync(() => server.Server.Clients.Count == 1, "they are still there");

        // Another second begins, in which joins are told again.
        using var limit = new CancellationTokenSource(Wait.Limit);
        while (!await IsToldOfTheSecondAsync(server, first))
        {
            limit.Token.ThrowIfCancellationRequested();
            await Wait.UntilAsync(() => server.Server.Clients.Count == 1, "it is still there");
        }
    }

    [Test]
    public void A_second_has_so_many_of_a_thing_and_no_more()
    {
        var limit = new RateLimit(30);
        Assert.That(Enumerable.Range(0, 40).Count(_ => limit.TryAcquire(1, now: 5999)), Is.EqualTo(30));
        Assert.That(limit.TryAcquire(29, now: 6000), Is.True);
        Assert.That(limit.TryAcquire(2, now: 6000), Is.False);
        Assert.That(limit.TryAcquire(1, now: 6999), Is.True);
        Assert.That(limit.TryAcquire(31, now: 7000), Is.True, "what comes first is done, else it never would be");
    }

    [Test]
    public async Task One_that_is_behind_does_without()
    {
        await using var server = TestServer.Start();
        using var stalled = await StalledClient.OpenAsync(server.Port);
        for (var i = 0; i < 8; i++)
            await server.PublishAsync($$"""{"data":"{{new string('x', 1_000_000)}}"}""");

        await using (await server.SubscribeAsync())
        {
            // It comes and goes.
        }

        await Wait.UntilAsync(() => server.Server.Clients.Count == 1, "it is still there");
        await server.PublishAsync("""{"data":"the end"}""");
        Assert.That(await stalled.ReadUntilAsync("the end"), Does.Not.Contain("joined").And.Not.Contain("left"));
    }

    [TestCase("?channel=a")]
    [TestCase("?channel=a&channel=c")]
    [TestCase("?channel=a&envelope=1")]
    public async Task Its_place_is_exact_whatever_is_published_meanwhile(string query)
    {
        await using var server = TestServer.Start();
        await using var watcher = await server.SubscribeAsync(query);
        var places = new ConcurrentQueue<(string Position, int Next)>();
        using var isDone = new CancellationTokenSource();
        var publishing = PublishAsync(server, isDone.Token);
        var coming = Task.Run(async () =>
        {
            while (places.Count < Places)
            {
                await using var client = await server.SubscribeAsync("?channel=a");
            }
        });
        for (var next = 1; places.Count < Places;)
        {
            var item = await watcher.NextAsync();
            if (item.EventType is "join" or "leave")
            {
                places.Enqueue((item.EventId!, next));
            }
            else
            {
                Assert.That(item.Data, Does.Contain(next.ToString(CultureInfo.InvariantCulture)));
                next++;
            }
        }

        await coming;
        await isDone.CancelAsync();
        await publishing;
        foreach (var (position, next) in places)
        {
            await using var resumed = await server.SubscribeAsync(query, position);
            Assert.That((await resumed.NextAsync()).Data, Is.EqualTo(query.Contains("envelope", StringComparison.Ordinal) ? $$"""{"channel":"a","data":{{next}}}""" : $"{next}"));
        }
    }

    private static async Task<bool> IsToldOfTheSecondAsync(TestServer server, EventStream first)
    {
        var isTold = false;
        await using var second = await server.SubscribeAsync();
        await server.PublishAsync("""{"data":"marker"}""");
        for (var next = await first.NextAsync(); next.EventType is not "message"; next = await first.NextAsync())
            isTold |= next.Data == $$"""{"joined":"{{second.ClientId}}","clients":2}""";

        return isTold;
    }

    // Numbered ones to the channel, and others between them; the last when it is done already, so that there is one behind every place.
    private static async Task PublishAsync(TestServer server, CancellationToken isDone)
    {
        for (var (i, isLast) = (1, false); !isLast; i++)
        {
            isLast = isDone.IsCancellationRequested;
            await server.PublishAsync("""{"data":0}""", "b");
            await server.PublishAsync($$"""{"data":{{i}}}""", "a");

            // On a busy machine the watcher would never be caught up otherwise, and only those who are caught up are told.
            await Task.Delay(TimeSpan.FromMilliseconds(1), CancellationToken.None);
        }
    }
}
