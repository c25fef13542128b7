using System.Globalization;
using System.Text.Json;
using SseListener.Http;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>One connection, several channels: what arrives, and in which order.</summary>
[TestFixture(true)]
[TestFixture(false)]
public sealed class ListeningToChannels(bool usesPrivateNames)
{
    [Test]
    public async Task A_client_gets_what_is_published_to_its_channel_and_nothing_else()
    {
        await using var server = Start();
        await using var orders = await server.SubscribeAsync("?channel=orders");
        await using var standard = await server.SubscribeAsync();
        var id = await server.PublishAsync("""{"data":1}""", "orders");
        Assert.That((await orders.NextAsync()).EventId, Is.EqualTo(id));
        await server.ExpectNothingArrivedAsync(standard);
        await server.ExpectNothingArrivedAsync(orders, "orders");
        Assert.That(Channels(orders), Is.EqualTo((string[])["orders"]));
        Assert.That(Channels(standard), Is.EqualTo((string[])["default"]));
    }

    [Test]
    public async Task Several_channels_are_one_stream_in_one_order()
    {
        await using var server = Start();
        await using var client = await server.SubscribeAsync("?channel=a&channel=b&channel=c&channel=b");
        Assert.That(Channels(client), Is.EqualTo((string[])["a", "b", "c"]));
        var ids = new List<string>();
        foreach (var channel in (string[])["b", "a", "a", "c", "b", "x", "a"])
        {
            var id = await server.PublishAsync("""{"data":1}""", channel);
            ids.AddRange(channel == "x" ? [] : [id]);
        }

        foreach (var id in ids)
            Assert.That((await client.NextAsync()).EventId, Is.EqualTo(id));
    }

    [Test]
    public async Task One_id_resumes_all_channels_also_those_that_are_new_in_the_list()
    {
        await using var server = Start();
        var ids = await PublishAsync(server, "a", "b", "c", "a", "c", "b");

        await using var same = await server.SubscribeAsync("?channel=a&channel=b", ids[1]);
        Assert.That(await IdsAsync(same, 2), Is.EqualTo((string[])[ids[3], ids[5]]));
        await using var other = await server.SubscribeAsync("?channel=a&channel=c", ids[1]);
        Assert.That(await IdsAsync(other, 3), Is.EqualTo((string[])[ids[2], ids[3], ids[4]]));
        await using var single = await server.SubscribeAsync("?channel=c", ids[3]);
        Assert.That(await IdsAsync(single, 1), Is.EqualTo((string[])[ids[4]]));
        await using var all = await server.SubscribeAsync("?channel=a&channel=b&channel=c&lastEventId=earliest");
        Assert.That(await IdsAsync(all, 6), Is.EqualTo(ids));
        await using var never = await server.SubscribeAsync("?channel=new&channel=newer", ids[0]);
        var next = await server.PublishAsync("""{"data":1}""", "newer");
        Assert.That(await IdsAsync(never, 1), Is.EqualTo((string[])[next]));
    }

    [Test]
    public async Task An_unknown_id_gets_a_gap_and_everything_that_is_kept_of_all_channels_in_order()
    {
        await using var server = Start();
        var ids = await PublishAsync(server, "a", "x", "b", "a");
        await using var client = await server.SubscribeAsync("?channel=a&channel=b", "unknown");
        Assert.That((await client.NextAsync()).EventType, Is.EqualTo("gap"));
        Assert.That(await IdsAsync(client, 3), Is.EqualTo((string[])[ids[0], ids[2], ids[3]]));
    }

    [TestCase("?channel=b")]
    [TestCase("?channel=b&channel=c")]
    [TestCase("?channel=b/*")]
    public async Task An_id_that_is_kept_gets_a_gap_when_what_came_after_it_elsewhere_is_not(string query)
    {
        // Segments go as a whole: the first event of b takes along the second, which is younger than what is kept of a. An event has
        // its data and 23 bytes.
        const int Limit = 16 * 1024;
        await using var server = Start(o => o with { History = Limit });
        var channel = query.Contains('*', StringComparison.Ordinal) ? "b/1" : "b";
        await server.PublishAsync("""{"data":1}""", channel);
        var kept = await server.PublishAsync("""{"data":2}""", "a");
        await server.PublishAsync("""{"data":3}""", channel);
        await server.PublishAsync($$"""{"data":"{{new string('x', Limit + 1 - (3 * 24) - 23 - 2)}}"}""", "filler");

        await using var client = await server.SubscribeAsync(query, kept);
        Assert.That((await client.NextAsync()).EventType, Is.EqualTo("gap"));
        var next = await server.PublishAsync("""{"data":4}""", channel);
        Assert.That(await IdsAsync(client, 1), Is.EqualTo((string[])[next]));

        // Of these nothing is missing.
        await using var single = await server.SubscribeAsync("?channel=a", kept);
        await using var list = await server.SubscribeAsync("?channel=a&channel=c&channel=c/*", kept);
        var last = await server.PublishAsync("""{"data":5}""", "a");
        Assert.That(await IdsAsync(single, 1), Is.EqualTo((string[])[last]));
        Assert.That(await IdsAsync(list, 1), Is.EqualTo((string[])[last]));
    }

    [Test]
    public async Task Nobody_sees_their_own_join_on_any_channel_and_everybody_sees_each_others()
    {
        await using var server = Start();
        await using var first = await server.SubscribeAsync("?channel=a&channel=b");
        var last = await server.PublishAsync("""{"data":1}""", "a");
        Assert.That(await IdsAsync(first, 1), Is.EqualTo((string[])[last]));
        await using var second = await server.SubscribeAsync("?channel=b&channel=c", last);
        var join = await first.NextAsync();
        Assert.That((join.EventType, join.Data), Is.EqualTo(("join", $$"""{"joined":"{{second.ClientId}}","clients":2}""")));
        await using var third = await server.SubscribeAsync("?channel=c");
        Assert.That((await second.NextAsync()).Data, Is.EqualTo($$"""{"joined":"{{third.ClientId}}","clients":2}"""));
        await first.DisposeAsync();

        // Where the sockets cannot be reached, one that has left is found by the next write to it.
        await Wait.UntilAsync(
            async () =>
            {
                await server.PublishAsync("""{"data":2}""", "a");
                return !server.Server.Clients.ContainsKey(first.ClientId);
            },
            "it is still there");
        var leave = await second.NextAsync();
        Assert.That((leave.EventType, leave.Data), Is.EqualTo(("leave", $$"""{"left":"{{first.ClientId}}","clients":1}""")));
        await server.ExpectNothingArrivedAsync(third, "c");
    }

    [TestCase("?channel=a&channel=b")]
    [TestCase("?channel=t/*")]
    [TestCase("?channel=a&envelope=1")]
    public async Task Much_more_than_a_write_holds_is_caught_up_with_in_order(string query)
    {
        await using var server = Start();
        await Task.WhenAll(((string[])["a", "b", "t/1", "t/2"]).Select(async channel =>
        {
            for (var part = 0; part < 10; part++)
            {
                var lines = string.Join('\n', Enumerable.Range(0, 1000).Select(i => $$"""{"data":{{(part * 1000) + i}},"type":"{{channel}}"}"""));
                using var answer = await server.PostAsync($"/events?channel={channel}", "application/x-ndjson", lines);
                answer.EnsureSuccessStatusCode();
            }
        }));
        await using var client = await server.SubscribeAsync(query + "&lastEventId=earliest");
        var expected = query.Contains("envelope", StringComparison.Ordinal) ? 10_000 : 20_000;
        var last = new Dictionary<string, int>();
        for (var i = 0; i < expected; i++)
        {
            var item = await client.NextAsync();
            var number = item.Data.StartsWith('{') ? JsonDocument.Parse(item.Data).RootElement.GetProperty("data").GetInt32() : int.Parse(item.Data, CultureInfo.InvariantCulture);
            Assert.That(number, Is.EqualTo(last.TryGetValue(item.EventType, out var before) ? before + 1 : 0));
            last[item.EventType] = number;
        }

        Assert.That(last.Values, Is.All.EqualTo(9999));
    }

    [TestCase("?channel=a&channel=b")]
    [TestCase("?channel=a&envelope=1")]
    public async Task An_event_far_larger_than_a_write_arrives_whole(string query)
    {
        await using var server = Start();
        await using var client = await server.SubscribeAsync(query);
        var text = string.Concat(Enumerable.Range(0, 100_000).Select(i => $"{i}\n\"ü\\"));
        var (_, id) = (await server.PostAsync("/events?channel=a", "text/plain", text), await server.PublishAsync("""{"data":2}""", "a"));
        var item = await client.NextAsync();
        var data = query.EndsWith('1') ? JsonDocument.Parse(item.Data).RootElement.GetProperty("data").GetString() : item.Data;
        Assert.That(data == text, $"{data?.Length} characters in place of {text.Length}");
        Assert.That((await client.NextAsync()).EventId, Is.EqualTo(id));
    }

    private static async Task<List<string>> PublishAsync(TestServer server, params string[] channels)
    {
        var ids = new List<string>();
        foreach (var channel in channels)
            ids.Add(await server.PublishAsync($$"""{"data":{{ids.Count}}}""", channel));

        return ids;
    }

    private static async Task<List<string?>> IdsAsync(EventStream stream, int count)
    {
        var ids = new List<string?>();
        while (ids.Count < count)
            ids.Add((await stream.NextAsync()).EventId);

        return ids;
    }

    private static string[] Channels(EventStream stream) =>
        [.. JsonDocument.Parse(stream.Hello).RootElement.GetProperty("channels").EnumerateArray().Select(channel => channel.GetString()!)];

    // Both ways that frames may go: on the connection's own socket, and through HttpListener where that cannot be reached.
    private TestServer Start(Func<ServerOptions, ServerOptions>? change = null) =>
        TestServer.Start(o => (change ?? (same => same))(o with { UsesPrivateNames = usesPrivateNames }));
}
