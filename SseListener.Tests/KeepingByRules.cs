using System.Globalization;
using System.Net;
using SseListener.Cluster;
using SseListener.Events;
using SseListener.Http;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>What is kept of channels that a rule of --keep covers, in memory: <see cref="KeepingJournalsByRules"/> has the rest.</summary>
public sealed class KeepingByRules
{
    private static readonly string[] _oneAndTwo = ["1", "2"];
    private static readonly string[] _threeToFive = ["3", "4", "5"];

    [TestCase("llm/1", "orders", "default=64KiB")]
    [TestCase("llm/1", "orders", "llm/*=64KiB")]
    [TestCase("orders", "llm/1", "llm/*=64KiB")]
    [TestCase("orders", "llm/1", "llm/*=1h")]
    [TestCase("orders", "llm/1", "llm/*=5")]
    [TestCase("llm/1", "orders", "llm/*=5")]
    [TestCase("a/b/1", "a/1", "a/*=64KiB a/b/*=64KiB")]
    public async Task A_busy_kind_of_channel_pushes_out_none_of_another_kind(string busy, string quiet, string rules)
    {
        await using var server = Start(rules == "default=64KiB" ? ["llm/*=64KiB", "*=64KiB"] : rules.Split(' '), o => o with { History = 64 * 1024 });
        await using var client = await server.SubscribeAsync($"?channel={quiet}");
        await PublishAsync(server, quiet, 1, 2);
        for (var i = 0; i < 10; i++)
            await PublishBatchAsync(server, busy, 500);

        await using var all = await server.SubscribeAsync($"?channel={quiet}", "earliest");
        Assert.That(await all.NextDataAsync(2), Is.EqualTo(_oneAndTwo));
        await using var back = await server.SubscribeAsync($"?channel={quiet}", PositionOf(client));
        Assert.That(await back.NextDataAsync(2), Is.EqualTo(_oneAndTwo), "without a gap");
        await using var lost = await server.SubscribeAsync($"?channel={busy}", PositionOf(client));
        Assert.That((await lost.NextAsync()).EventType, Is.EqualTo("gap"));
    }

    [TestCase(1)]
    [TestCase(2)]
    [TestCase(5)]
    [TestCase(31)]
    public async Task So_many_of_the_newest_events_of_each_channel_are_kept(int events)
    {
        await using var server = Start([$"prices/*={events}"]);
        foreach (var channel in (string[])["prices/a", "prices/b"])
        {
            await PublishBatchAsync(server, channel, 20);
            await PublishBatchAsync(server, channel, 20);
        }

        Assert.That(await server.MetricAsync("sse_history_events"), Is.EqualTo(2 * events));
        await PublishAsync(server, "prices/a", 777);
        await using var client = await server.SubscribeAsync("?channel=prices/a", "earliest");
        var expected = Enumerable.Range(0, 20).Concat(Enumerable.Range(0, 20)).Append(777).TakeLast(events).Select(Text);
        Assert.That(await client.NextDataAsync(events), Is.EqualTo(expected));
        await server.ExpectNothingArrivedAsync(client, "prices/a");
    }

    [Test]
    public async Task A_pattern_gets_the_latest_event_of_each_channel_in_the_order_of_all()
    {
        await using var server = Start(["prices/*=1"]);
        foreach (var (channel, number) in (IEnumerable<(string, int)>)[("a", 1), ("b", 2), ("a", 3), ("c", 4), ("b", 5)])
            await PublishAsync(server, "prices/" + channel, number);

        await using var client = await server.SubscribeAsync("?channel=prices/*", "earliest");
        Assert.That(await client.NextDataAsync(3), Is.EqualTo(_threeToFive));
    }

    [Test]
    public async Task Of_more_than_31_events_up_to_a_sixteenth_more_are_kept()
    {
        await using var server = Start(["prices/*=320"]);
        for (var i = 0; i < 10; i++)
        {
            await PublishBatchAsync(server, "prices/a", 101);
            Assert.That(await server.MetricAsync("sse_history_events"), Is.InRange(Math.Min(320, (i + 1) * 101), 339));
        }
    }

    [Test]
    public async Task The_most_specific_rule_counts_whatever_their_order()
    {
        await using var server = Start(["*=5", "a/*=4", "a/b/c=1", "a/b/*=3"]);
        foreach (var (channel, kept) in (IEnumerable<(string, int)>)[("a/b/c", 1), ("a/b/d", 3), ("a/bc", 4), ("b", 5)])
        {
            await PublishBatchAsync(server, channel, 10);
            await using var client = await server.SubscribeAsync($"?channel={channel}", "earliest");
            Assert.That(await client.NextDataAsync(kept), Is.EqualTo(Enumerable.Range(10 - kept, kept).Select(Text)), channel);
        }
    }

    [Test]
    public async Task Events_go_at_the_age_of_their_rule()
    {
        await using var server = Start(["llm/*=300ms", "prices/*=1,1h"], o => o with { HistoryAge = TimeSpan.FromSeconds(1) });
        await using var client = await server.SubscribeAsync();
        foreach (var channel in (string[])["llm/1", "prices/a", "default"])
            await PublishAsync(server, channel, 1);

        foreach (var left in (int[])[2, 1])
        {
            await Wait.UntilAsync(async () => await server.MetricAsync("sse_history_events") <= left, "nothing goes");
            await using var llm = await server.SubscribeAsync("?channel=llm/1", PositionOf(client));
            Assert.That((await llm.NextAsync()).EventType, Is.EqualTo("gap"), "it was the first to go");
        }

        await using var last = await server.SubscribeAsync("?channel=prices/a", PositionOf(client));
        Assert.That((await last.NextAsync()).Data, Is.EqualTo("1"));
    }

    [TestCase("?channel=prices/a")]
    [TestCase("?channel=prices/*")]
    [TestCase("?channel=prices/a&channel=prices/b&envelope=0")]
    public async Task Those_who_listen_get_every_event_however_few_are_kept(string query)
    {
        await using var server = Start(["prices/*=1"], o => o with { PresenceLimit = 0 });
        await using var client = await server.SubscribeAsync(query);
        var reading = client.NextDataAsync(10_000);
        for (var i = 0; i < 10; i++)
            await PublishBatchAsync(server, "prices/a", 1000);

        Assert.That(await reading, Is.EqualTo(Enumerable.Range(0, 10_000).Select(i => Text(i % 1000))));
    }

    [Test]
    public async Task A_place_behind_which_all_is_kept_has_no_gap_and_one_behind_which_something_is_replaced_has()
    {
        await using var server = Start(["prices/*=2"], o => o with { PresenceLimit = 0 });
        await using var first = await server.SubscribeAsync("?channel=prices/a");
        var ids = new List<string>();
        for (var i = 1; i <= 5; i++)
            ids.Add(await server.PublishAsync($$"""{"data":{{i}}}""", "prices/a"));

        await using var third = await server.SubscribeAsync("?channel=prices/a", ids[2]);
        Assert.That((await third.NextDataAsync(2))[0], Is.EqualTo("4"), "those behind it are kept");
        foreach (var (query, place) in ((string, string)[])[("prices/a", ids[1]), ("prices/a", PositionOf(first)), ("prices/*", PositionOf(first)), ("prices/a", "unknown")])
        {
            await using var lost = await server.SubscribeAsync($"?channel={query}", place);
            Assert.That((await lost.NextAsync()).EventType, Is.EqualTo("gap"), place);
            Assert.That((await lost.NextDataAsync(2))[0], Is.EqualTo("4"));
        }
    }

    [TestCase("?channel=orders/1")]
    [TestCase("?channel=orders/*")]
    [TestCase("?channel=orders/1&channel=orders/2")]
    public async Task A_place_holds_for_a_channel_that_keeps_all_though_the_numbers_around_it_are_gone(string query)
    {
        await using var server = Start(["prices/*=1", "orders/*=1h"], o => o with { PresenceLimit = 0 });
        await PublishAsync(server, "orders/1", 1);
        for (var i = 0; i < 5; i++)
            await PublishBatchAsync(server, "prices/a", 1000);

        await using var client = await server.SubscribeAsync(query);
        for (var i = 0; i < 5; i++)
            await PublishBatchAsync(server, "prices/a", 1000);

        await PublishAsync(server, "orders/1", 2);
        await using var back = await server.SubscribeAsync(query, PositionOf(client));
        Assert.That((await back.NextAsync()).Data, Is.EqualTo("2"));
        await using var lost = await server.SubscribeAsync("?channel=orders/1&channel=prices/*", PositionOf(client));
        Assert.That((await lost.NextAsync()).EventType, Is.EqualTo("gap"));
    }

    [Test]
    public async Task An_event_that_is_kept_may_be_sent_again()
    {
        await using var server = Start(["prices/*=1"]);
        await using var client = await server.SubscribeAsync("?channel=prices/a");
        for (var i = 0; i < 2; i++)
            await server.PublishAsync("""{"data":1,"id":"mine"}""", "prices/a");

        Assert.That((await client.NextAsync()).EventId, Is.EqualTo("mine"));
        await server.ExpectNothingArrivedAsync(client, "prices/a");
        using var other = await server.PostAsync("/events?channel=prices/a&id=mine", "text/plain", "2");
        Assert.That(other.StatusCode, Is.EqualTo(HttpStatusCode.Conflict));
    }

    [TestCase("default", 1000, "--history")]
    [TestCase("llm/1", 500, "--keep llm/*")]
    [TestCase("prices/1", 1000, "--history")]
    public async Task An_event_that_is_larger_than_what_is_kept_of_its_channel_is_refused(string channel, int most, string setting)
    {
        await using var server = Start(["llm/*=500B", "prices/*=1"], o => o with { History = 1000 });
        await PublishBatchAsync(server, channel, 3);
        var rest = "data: \nid: x\n\n".Length;
        using var large = await server.PostAsync($"/events?channel={channel}&id=x", "text/plain", new string('x', most - rest + 1));
        await Problem.ExpectAsync(large, 413, $"With its frame an event has more than the {most} bytes that are kept of its channel ({setting}). Nothing was published.");
        using var batch = await server.PostAsync($"/events?channel={channel}", "application/x-ndjson", $$"""
            {"data":1}
            {"data":"{{new string('x', most)}}"}
            """);
        await Problem.ExpectAsync(batch, 413, $"With its frame an event has more than the {most} bytes that are kept of its channel ({setting}). Nothing was published.");
        using var good = await server.PostAsync($"/events?channel={channel}&id=x", "text/plain", new string('x', most - rest));
        Assert.That(good.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        await using var client = await server.SubscribeAsync($"?channel={channel}", "earliest");
        Assert.That((await client.NextAsync()).Data, Has.Length.EqualTo(most - rest), "it alone is kept");
    }

    [Test]
    public async Task The_copies_of_an_event_in_several_channels_count_together()
    {
        await using var server = Start(["llm/*=1000B"], o => o with { History = 2000 });
        var text = new string('x', 450);
        using var good = await server.PostAsync("/events?channel=llm/1&channel=llm/2&channel=a&channel=b", "text/plain", text);
        Assert.That(good.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        using var large = await server.PostAsync("/events?channel=llm/1&channel=a&channel=llm/2&channel=llm/3", "text/plain", text);
        await Problem.ExpectAsync(large, 413, "With its frame an event has more than the 1000 bytes that are kept of its channel (--keep llm/*). Nothing was published.");
    }

    [Test]
    public async Task Where_nothing_is_to_be_kept_nothing_is_refused()
    {
        await using var server = Start([], o => o with { History = 0 });
        await using var client = await server.SubscribeAsync();
        await PublishAsync(server, "default", 1);
        Assert.That((await client.NextAsync()).Data, Is.EqualTo("1"));
    }

    [Test]
    public async Task Each_hub_of_a_cluster_keeps_by_its_own_rules_and_the_stream_what_all_of_them_may_need()
    {
        using var nats = await NatsServer.StartAsync();
        ServerOptions OnCluster(ServerOptions o) => o with { PresenceLimit = 0, Cluster = new ClusterOptions { Servers = [nats.Address], Replicas = 1 } };
        await using var a = Start(["prices/*=1,100MiB", "orders/*=7d"], OnCluster);
        await using var b = Start([], OnCluster);
        await using var early = await b.SubscribeAsync("?channel=prices/a");
        await using var earlyAtA = await a.SubscribeAsync("?channel=prices/a");
        var position = PositionOf(early);
        await Task.WhenAll(Enumerable.Range(0, 20).Select(i => PublishAsync(i % 2 == 0 ? a : b, "prices/a", i)));
        var live = await early.NextDataAsync(20);
        Assert.That(await earlyAtA.NextDataAsync(20), Is.EqualTo(live));
        await using var latest = await a.SubscribeAsync("?channel=prices/a", "earliest");
        Assert.That((await latest.NextAsync()).Data, Is.EqualTo(live[^1]));
        await using var all = await b.SubscribeAsync("?channel=prices/a", "earliest");
        Assert.That(await all.NextDataAsync(20), Is.EqualTo(live));
        await using var lost = await a.SubscribeAsync("?channel=prices/a", position);
        Assert.That((await lost.NextAsync()).EventType, Is.EqualTo("gap"));
        await nats.ManageAsync(async streams =>
        {
            var kept = (await streams.GetStreamAsync("sse")).Info.Config;
            Assert.That((kept.MaxBytes, kept.MaxAge), Is.EqualTo(((64 + 100 + 64) * 1024L * 1024, TimeSpan.FromDays(7))));
        });
    }

    /// <summary>A server with rules, as a user writes them.</summary>
    internal static TestServer Start(string[] rules, Func<ServerOptions, ServerOptions>? change = null) =>
        TestServer.Start(o => (change?.Invoke(o) ?? o) with { Keep = [.. rules.Select(Rule)] });

    internal static KeepRule Rule(string text)
    {
        Assert.That(Cli.Units.TryKeepRule(text, out var rule, out _));
        return rule!;
    }

    internal static async Task PublishAsync(TestServer server, string channel, params int[] numbers)
    {
        foreach (var number in numbers)
            await server.PublishAsync($$"""{"data":{{number}}}""", channel);
    }

    /// <summary>Publishes the numbers from 0 on.</summary>
    internal static async Task PublishBatchAsync(TestServer server, string channel, int count)
    {
        var lines = string.Join('\n', Enumerable.Range(0, count).Select(number => $$"""{"data":{{number}}}"""));
        using var answer = await server.PostAsync($"/events?channel={channel}", "application/x-ndjson", lines);
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.OK));
    }

    /// <summary>Where a client stood when it was greeted, if it has had nothing since.</summary>
    internal static string PositionOf(EventStream client)
    {
        Assert.That(client.LastEventId, Does.StartWith("@"));
        return client.LastEventId;
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
