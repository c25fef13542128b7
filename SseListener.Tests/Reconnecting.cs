using System.Globalization;
using System.Text;
using SseListener.Http;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>What a client gets that has been away.</summary>
[TestFixture(true)]
[TestFixture(false)]
public sealed class Reconnecting(bool usesPrivateNames)
{
    private static readonly string[] _twoAndThree = ["2", "3"];
    private static readonly string[] _oneToThree = ["1", "2", "3"];

    [Test]
    public async Task A_known_id_in_the_header_gets_everything_after_it()
    {
        await using var server = Start();
        var ids = await PublishAsync(server, 3);
        await using var client = await server.SubscribeAsync(lastEventId: ids[0]);
        Assert.That(await client.NextDataAsync(2), Is.EqualTo(_twoAndThree));
        Assert.That(client.LastEventId, Is.EqualTo(ids[2]));
    }

    [TestCase("lastEventId")]
    [TestCase("last_event_id")]
    public async Task A_known_id_in_the_query_gets_everything_after_it(string parameter)
    {
        await using var server = Start();
        var ids = await PublishAsync(server, 3);
        await using var client = await server.SubscribeAsync($"?{parameter}={ids[0]}");
        Assert.That(await client.NextDataAsync(2), Is.EqualTo(_twoAndThree));
    }

    [Test]
    public async Task The_header_comes_before_the_query()
    {
        await using var server = Start();
        var ids = await PublishAsync(server, 3);
        await using var client = await server.SubscribeAsync($"?lastEventId={ids[1]}", lastEventId: ids[0]);
        Assert.That(await client.NextDataAsync(2), Is.EqualTo(_twoAndThree));
    }

    [Test]
    public async Task The_newest_id_gets_only_what_comes_next()
    {
        await using var server = Start();
        var ids = await PublishAsync(server, 3);
        await using var client = await server.SubscribeAsync(lastEventId: ids[2]);
        var next = await server.PublishAsync("""{"data":4}""");
        Assert.That((await client.NextAsync()).EventId, Is.EqualTo(next));
    }

    [Test]
    public async Task An_unknown_id_gets_a_gap_and_then_everything_kept()
    {
        await using var server = Start();
        await PublishAsync(server, 3);
        await using var client = await server.SubscribeAsync(lastEventId: "never-\"seen\"");
        var gap = await client.NextAsync();
        Assert.That(gap.EventType, Is.EqualTo("gap"));
        Assert.That(gap.Data, Is.EqualTo("""{"lastEventId":"never-\"seen\""}"""));
        Assert.That(gap.EventId, Is.Null.Or.Empty);
        Assert.That(await client.NextDataAsync(3), Is.EqualTo(_oneToThree));
    }

    [Test]
    public async Task An_id_that_is_no_longer_kept_gets_a_gap_and_then_what_is()
    {
        await using var server = Start(o => o with { History = 8 * 1024 });
        var ids = await PublishAsync(server, 1000);
        await using var client = await server.SubscribeAsync(lastEventId: ids[0]);
        Assert.That((await client.NextAsync()).EventType, Is.EqualTo("gap"));
        var first = await client.NextAsync();
        var kept = 1000 - int.Parse(first.Data, CultureInfo.InvariantCulture);
        Assert.That(kept * "data: 999\nid: 0123456789\n\n".Length, Is.InRange(7 * 1024, 8 * 1024));
        Assert.That(await client.NextDataAsync(kept), Is.EqualTo(Enumerable.Range(1001 - kept, kept).Select(i => i.ToString(CultureInfo.InvariantCulture))));
    }

    [Test]
    public async Task Earliest_gets_everything_kept_without_a_gap()
    {
        await using var server = Start();
        await PublishAsync(server, 3);
        await using var query = await server.SubscribeAsync("?lastEventId=earliest");
        Assert.That(await query.NextDataAsync(3), Is.EqualTo(_oneToThree));
    }

    [TestCase("")]
    [TestCase("?lastEventId=")]
    public async Task Without_an_id_a_client_gets_only_what_comes_next(string query)
    {
        await using var server = Start();
        await PublishAsync(server, 3);
        await using var client = await server.SubscribeAsync(query, lastEventId: query.Length == 0 ? null : "");
        var next = await server.PublishAsync("""{"data":4}""");
        Assert.That((await client.NextAsync()).EventId, Is.EqualTo(next));
    }

    [TestCase("ü-1")]
    [TestCase("日本")]
    [TestCase("a b=c&d%+e")]
    [TestCase("{\"json\":1}")]
    public async Task An_id_of_the_publishers_own_is_found_again_from_header_and_query(string id)
    {
        await using var server = Start();
        var quoted = System.Text.Json.JsonSerializer.Serialize(id);
        Assert.That(await server.PublishAsync($$"""{"data":1,"id":{{quoted}}}"""), Is.EqualTo(quoted.Contains('\\', StringComparison.Ordinal) ? Log.JsonText.Quote(id)[1..^1] : id));
        await PublishAsync(server, 1);

        using var raw = new RawRequest(server.Port);
        var header = Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(id));
        await raw.SendAsync($"GET /events HTTP/1.1\r\nHost: 127.0.0.1:{server.Port}\r\nLast-Event-ID: {header}\r\n\r\n");
        Assert.That(await raw.ReadUntilAsync("data: 1\n"), Does.Not.Contain("gap"));

        await using var client = await server.SubscribeAsync($"?lastEventId={Uri.EscapeDataString(id)}");
        Assert.That((await client.NextAsync()).EventType, Is.EqualTo("message"));
    }

    [Test]
    public async Task A_client_that_catches_up_does_not_get_its_own_join_but_everything_around_it()
    {
        await using var server = Start();
        await using var other = await server.SubscribeAsync();
        var ids = await PublishAsync(server, 3);
        await using var client = await server.SubscribeAsync(lastEventId: ids[0]);
        Assert.That(await client.NextDataAsync(2), Is.EqualTo(_twoAndThree));
        var next = await server.PublishAsync("""{"data":4}""");
        Assert.That((await client.NextAsync()).EventId, Is.EqualTo(next));
    }

    [Test]
    public async Task Much_more_than_a_write_holds_is_caught_up_with_in_order()
    {
        await using var server = Start();
        var lines = string.Join('\n', Enumerable.Range(0, 20_000).Select(i => $$"""{"data":{{i}}}"""));
        using var answer = await server.PostAsync("/events", "application/x-ndjson", lines);
        await using var client = await server.SubscribeAsync("?lastEventId=earliest");
        Assert.That(await client.NextDataAsync(20_000), Is.EqualTo(Enumerable.Range(0, 20_000).Select(i => i.ToString(CultureInfo.InvariantCulture))));
    }

    [Test]
    public async Task Fifty_clients_that_drop_and_resume_while_200_events_are_published_miss_and_double_nothing()
    {
        await using var server = Start(o => o with { PresenceLimit = 0 });
        var first = await server.PublishAsync("""{"data":"start"}""");
        var random = new Random(7);
        var clients = Enumerable.Range(0, 50).Select(_ => ResumeAgainAndAgainAsync(server, first, random.Next())).ToArray();
        var published = new List<string>[8];
        await Task.WhenAll(Enumerable.Range(0, 8).Select(async publisher =>
        {
            published[publisher] = [];
            for (var i = 0; i < 25; i++)
                published[publisher].Add(await server.PublishAsync($$"""{"data":"{{publisher}}-{{i}}"}"""));
        }));

        var received = await Task.WhenAll(clients);
        Assert.That(received[0], Is.EquivalentTo(published.SelectMany(ids => ids)));
        Assert.That(received, Is.All.EqualTo(received[0]), "all clients see one order");
        foreach (var ids in published)
            Assert.That(received[0].Where(ids.Contains), Is.EqualTo(ids), "a publisher's events keep their order");
    }

    // Reads a few events, drops the connection, and comes back with the last id, until it has them all.
    private static async Task<List<string>> ResumeAgainAndAgainAsync(TestServer server, string last, int seed)
    {
        var random = new Random(seed);
        var ids = new List<string>();
        while (ids.Count < 200)
        {
            await using var stream = await server.SubscribeAsync(lastEventId: last);
            for (var few = random.Next(1, 30); few > 0 && ids.Count < 200; few--)
                ids.Add(last = (await stream.NextAsync()).EventId!);
        }

        return ids;
    }

    private static async Task<List<string>> PublishAsync(TestServer server, int count)
    {
        var ids = new List<string>();
        for (var i = 1; i <= count; i++)
            ids.Add(await server.PublishAsync($$"""{"data":{{i}}}"""));

        return ids;
    }

    // Both ways that frames may go: on the connection's own socket, and through HttpListener where that cannot be reached.
    private TestServer Start(Func<ServerOptions, ServerOptions>? change = null) =>
        TestServer.Start(o => (change ?? (same => same))(o with { UsesPrivateNames = usesPrivateNames }));
}
