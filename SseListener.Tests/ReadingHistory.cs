using System.Net;
using System.Text;
using System.Text.Json;
using SseListener.Events;
using SseListener.Http;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary><c>GET /events</c> with <c>Accept: application/json</c>.</summary>
public sealed class ReadingHistory
{
    [Test]
    public async Task The_newest_events_come_whole_and_in_order_and_a_stream_goes_on_behind_them()
    {
        await using var server = TestServer.Start();
        var ids = new List<string>();
        for (var i = 0; i < 10; i++)
            ids.Add(await server.PublishAsync($$"""{"type":"t{{i}}","data":{"n": {{i}} } }""", i % 2 == 0 ? "a" : "b"));

        var (position, events) = await ReadAsync(server, "?channel=a&channel=b&limit=3");
        Assert.That(events, Is.EqualTo((string[])
        [
            $$$"""{"channel":"b","type":"t7","id":"{{{ids[7]}}}","data":{"n":7}}""", $$$"""{"channel":"a","type":"t8","id":"{{{ids[8]}}}","data":{"n":8}}""",
            $$$"""{"channel":"b","type":"t9","id":"{{{ids[9]}}}","data":{"n":9}}""",
        ]));
        await server.PublishAsync("""{"data":"next"}""", "a");
        await using var stream = await server.SubscribeAsync("?channel=a&channel=b", position);
        Assert.That((await stream.NextAsync()).Data, Is.EqualTo("\"next\"").Or.EqualTo("next"));
    }

    // Again and again, while much is published: what is read and what the stream brings behind it are all events, each once.
    [Test]
    public async Task Between_what_is_read_and_the_stream_behind_it_nothing_is_missing()
    {
        await using var server = TestServer.Start(o => o with { PresenceLimit = 0 });
        var publishing = Enumerable.Range(0, 8).Select(async channel =>
        {
            for (var i = 0; i < 100; i++)
                await server.PublishAsync($$"""{"data":"{{channel}}-{{i}}"}""", $"c/{channel}");
        }).ToArray();
        var all = Task.WhenAll(publishing);
        var reads = new List<(List<string> Events, EventStream Stream)>();
        while (!all.IsCompleted)
        {
            var (position, events) = await ReadAsync(server, "?channel=c/*&limit=1000");
            reads.Add((events, await server.SubscribeAsync("?channel=c/*", position)));
        }

        await all;
        foreach (var (events, stream) in reads)
        {
            await using var open = stream;
            var received = events.ConvertAll(sseEvent => JsonDocument.Parse(sseEvent).RootElement.GetProperty("data").GetString()!);
            while (received.Count < 800)
                received.Add((await stream.NextAsync()).Data.Trim('"'));

            for (var channel = 0; channel < 8; channel++)
                Assert.That(received.Where(data => data[0] == '0' + channel), Is.EqualTo(Enumerable.Range(0, 100).Select(i => $"{channel}-{i}")));
        }
    }

    [TestCase('a', 900_000)]
    [TestCase('\u8a9e', 300_000)]
    public async Task Large_events_come_whole_and_together_are_bounded(char first, int length)
    {
        await using var server = TestServer.Start();
        for (var i = 0; i < 8; i++)
            await server.PublishAsync($$"""{"data":"{{new string((char)(first + i), length)}}"}""");

        var (_, events) = await ReadAsync(server, "?limit=8");
        Assert.That(events.Select(sseEvent => JsonDocument.Parse(sseEvent).RootElement.GetProperty("data").GetString()),
            Is.EqualTo(Enumerable.Range(4, 4).Select(i => new string((char)(first + i), length))));
    }

    // Who does not read must not take memory without end, nor keep those out who read.
    [Test]
    public async Task Where_large_answers_have_no_room_the_oldest_is_broken_off()
    {
        await using var server = TestServer.Start(options => options with { MaxAnswerBytes = 5_000_000, History = 100_000_000, MaxBody = 20_000_000 });
        await server.PublishAsync($$"""{"data":"{{new string('x', 10_000_000)}}"}""", "huge");
        await server.PublishAsync($$"""{"data":"{{new string('y', 1_000_000)}}"}""", "large");
        using var stalled = new RawRequest(server.Port, receiveBuffer: 1024);
        await stalled.SendAsync($"GET /events?channel=huge HTTP/1.1\r\nHost: 127.0.0.1:{server.Port}\r\nAccept: application/json\r\n\r\n");
        await stalled.ReadUntilAsync("position");
        var (_, events) = await ReadAsync(server, "?channel=large");
        Assert.That(events.Single(), Has.Length.GreaterThan(1_000_000));
        Assert.That(await stalled.ReadToEndAsync(), Has.Length.LessThan(10_000_000));
        Assert.That((await ReadAsync(server, "?channel=huge")).Events.Single(), Has.Length.GreaterThan(10_000_000), "alone it has room");
    }

    // Then it is read anew: what is left of it would look like all there is.
    [Test]
    public async Task What_is_dropped_in_the_middle_is_not_taken_for_all()
    {
        var history = new History(new Allowances(100, TimeSpan.FromHours(1)), _ => { });
        var log = new ChannelLog("a");
        for (var sequence = 1; sequence <= 20; sequence++)
            history.Append(log, Encoding.UTF8.GetBytes($"data: {new string('x', 5000)}\n\n"), sequence, time: sequence);

        history.LogIndex.Publish();
        var range = new ReplayRange(new Beginning(0, HasGap: false, Channels: null), Through: 20, history.LogIndex.Drops);
        Feed Feed() => new MergedFeed(history.LogIndex, new HubCounts(), new Selection(["a"], mayHear: null), [], range, Envelope.Event);
        Assert.That(await new NewestEvents(most: 10, mostBytes: 100_000).TryReadAllAsync(Feed()), Is.True);
        history.Trim(first: 15);
        Assert.That(await new NewestEvents(most: 10, mostBytes: 100_000).TryReadAllAsync(Feed()), Is.False);
    }

    // Also when somebody asks in between whether it has all: its places give way at any moment.
    [Test]
    public void A_client_whose_places_have_given_way_passes_over_nothing()
    {
        var history = new History(new Allowances(100_000, TimeSpan.FromHours(1)), _ => { });
        var log = new ChannelLog("a");
        history.Append(log, "data: 1\n\n"u8, sequence: 1, time: 1);
        history.LogIndex.Publish();
        var places = new ChannelPlaces(others: 1);
        places.Add("a", 0);
        var range = new ReplayRange(new Beginning(0, HasGap: false, places), Through: 1, history.LogIndex.Drops);
        var feed = new MergedFeed(history.LogIndex, new HubCounts(), new Selection(["a"], mayHear: null), [], range, Envelope.None);
        places.GiveWay();
        Assert.That(feed.IsCaughtUp, Is.False);
        Assert.That(feed.Fill(new Slice()), Is.EqualTo(CursorState.Lapped));
        Assert.That(feed.IsLapped, Is.True);
    }

    [Test]
    public async Task Of_an_empty_channel_there_are_none_and_asking_makes_no_channel()
    {
        await using var server = TestServer.Start(options => options with { MaxChannels = 1 });
        await server.PublishAsync("""{"data":1}""", "a");
        for (var i = 0; i < 5; i++)
            Assert.That((await ReadAsync(server, $"?channel=none/{i}")).Events, Is.Empty);

        Assert.That((await ReadAsync(server, "?channel=a")).Events, Has.Count.EqualTo(1));
    }

    [TestCase("application/json", "application/json")]
    [TestCase("application/json, text/plain, */*", "application/json")]
    [TestCase("text/event-stream", "text/event-stream")]
    [TestCase("application/json, text/event-stream", "text/event-stream")]
    [TestCase("*/*", "text/event-stream")]
    public async Task What_the_client_accepts_decides(string accept, string type)
    {
        await using var server = TestServer.Start();
        using var answer = await server.SendAsync("GET", "/events", ("Accept", accept));
        Assert.That(answer.Content.Headers.ContentType?.MediaType, Is.EqualTo(type));
    }

    [Test]
    public async Task Who_may_not_listen_may_not_read()
    {
        await using var server = TestServer.Start(options => options with { JwtKey = SignedTokens.Key(Jwt.Secret), Private = ["user/*"], PublishToken = "secret" });
        foreach (var channel in (string[])["user/7", "user/8"])
        {
            using var published = await server.SendAsync("POST", $"/events?channel={channel}", ("Authorization", "Bearer secret"));
        }

        using var without = await server.SendAsync("GET", "/events?channel=user/7", ("Accept", "application/json"));
        Assert.That(without.StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized));
        var token = Jwt.For(subscribe: ["user/7"]);
        using var other = await server.SendAsync("GET", $"/events?channel=user/8&token={token}", ("Accept", "application/json"));
        Assert.That(other.StatusCode, Is.EqualTo(HttpStatusCode.Forbidden));
        var (_, events) = await ReadAsync(server, $"?channel=user/*&token={token}");
        Assert.That(events, Has.Count.EqualTo(1).And.All.Contains("user/7"));
    }

    [TestCase("?limit=0", "application/json")]
    [TestCase("?limit=1001", "application/json")]
    [TestCase("?limit=x", "application/json")]
    [TestCase("?rewind=1", "application/json")]
    [TestCase("?lastEventId=x", "application/json")]
    [TestCase("?limit=1", "text/event-stream")]
    public async Task What_it_cannot_do_is_refused(string query, string accept)
    {
        await using var server = TestServer.Start();
        using var answer = await server.SendAsync("GET", "/events" + query, ("Accept", accept));
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
    }

    private static async Task<(string Position, List<string> Events)> ReadAsync(TestServer server, string query)
    {
        using var answer = await server.SendAsync("GET", "/events" + query, ("Accept", "application/json"));
        var text = await answer.Content.ReadAsStringAsync();
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.OK), text);
        var read = JsonDocument.Parse(text).RootElement;
        return (read.GetProperty("position").GetString()!, [.. read.GetProperty("events").EnumerateArray().Select(sseEvent => sseEvent.GetRawText())]);
    }
}
