using SseListener.Events;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>The position that a client has from the first byte on, before it has had an event.</summary>
public sealed class KeepingPlaces
{
    private static readonly string[] _twoAndThree = ["2", "3"];
    private static readonly string[] _oneToThree = ["1", "2", "3"];

    [TestCase("")]
    [TestCase("?channel=default&channel=other")]
    [TestCase("?channel=default&envelope=0&channel=t/*")]
    public async Task A_client_that_has_had_no_event_misses_none(string query)
    {
        await using var server = TestServer.Start();
        await server.PublishAsync("""{"data":1}""");
        await using var client = await server.SubscribeAsync(query);
        var position = client.LastEventId;
        Assert.That(position, Does.Match("^@[A-Za-z0-9_-]{22}$"));
        await client.DisposeAsync();
        await PublishAsync(server, 2, 3);
        await using var back = await server.SubscribeAsync(query, position);
        Assert.That(back.LastEventId, Is.EqualTo(position), "it stands where it stood");
        Assert.That(await back.NextDataAsync(2), Is.EqualTo(_twoAndThree));
    }

    [Test]
    public async Task A_client_that_resumes_and_drops_again_before_its_first_event_has_its_place_still()
    {
        await using var server = TestServer.Start();
        var first = await server.PublishAsync("""{"data":1}""");
        await PublishAsync(server, 2, 3);
        await using var client = await server.SubscribeAsync(lastEventId: first);
        Assert.That(client.LastEventId, Does.StartWith("@"), "its own place, before what it missed");
        await using var again = await server.SubscribeAsync(lastEventId: client.LastEventId);
        Assert.That(await again.NextDataAsync(2), Is.EqualTo(_twoAndThree));
    }

    [TestCase("never-was")]
    [TestCase("earliest")]
    [TestCase("@o3vT0bq5nS1kZ8wYx2LdQg")]
    [TestCase("@")]
    [TestCase("@not base64")]
    [TestCase("@o3vT0bq5nS1kZ8wYx2LdQgAAAAAA")]
    [TestCase("@o3vT0bq5 nS1kZ8wYx2LdQg")]
    public async Task Behind_a_gap_there_is_a_place_too(string lastEventId)
    {
        await using var server = TestServer.Start();
        await PublishAsync(server, 1, 2, 3);
        await using var client = await server.SubscribeAsync(lastEventId: lastEventId);
        var position = client.LastEventId;
        Assert.That(position, Does.Match("^@[A-Za-z0-9_-]{22}$"));
        if (lastEventId != "earliest")
            Assert.That((await client.NextAsync()).EventType, Is.EqualTo("gap"));

        await using var back = await server.SubscribeAsync(lastEventId: position);
        Assert.That(await back.NextDataAsync(3), Is.EqualTo(_oneToThree));
    }

    [Test]
    public async Task A_quiet_channel_has_no_gap_when_a_busy_one_has_pushed_out_only_its_own_history()
    {
        await using var server = TestServer.Start(o => o with { History = 64 * 1024, PresenceLimit = 0 });
        await using var quiet = await server.SubscribeAsync("?channel=quiet");
        await using var both = await server.SubscribeAsync("?channel=quiet&channel=busy");
        await using var pattern = await server.SubscribeAsync("?channel=b/*");
        await using var gone = await server.SubscribeAsync("?channel=gone");
        await gone.DisposeAsync();
        await Wait.UntilAsync(() => server.Server.Clients.Count == 3, "it is still there");
        await server.PublishAsync("""{"data":"nobody hears this"}""", "gone");
        for (var i = 0; i < 3000; i++)
            await server.PublishAsync($$"""{"data":"{{new string('x', 100)}}"}""", "busy");

        await quiet.DisposeAsync();
        var next = await server.PublishAsync("""{"data":"quiet"}""", "quiet");
        await using var back = await server.SubscribeAsync("?channel=quiet", quiet.LastEventId);
        Assert.That((await back.NextAsync()).EventId, Is.EqualTo(next));
        string[] lists = ["?channel=quiet&channel=busy", "?channel=b/*", "?channel=gone"];
        foreach (var (query, position) in lists.Zip([both.LastEventId, pattern.LastEventId, gone.LastEventId]))
        {
            await using var lost = await server.SubscribeAsync(query, position);
            Assert.That((await lost.NextAsync()).EventType, Is.EqualTo("gap"));
        }
    }

    [TestCase("application/json", "/events", """{"data":1,"id":"@mine"}""")]
    [TestCase("application/x-ndjson", "/events", """{"data":1,"id":"@"}""")]
    [TestCase("text/plain", "/events?id=%40mine", "1")]
    public async Task An_id_of_a_publisher_does_not_look_like_one(string type, string path, string body)
    {
        await using var server = TestServer.Start();
        using var answer = await server.PostAsync(path, type, body);
        await Problem.ExpectAsync(answer, 400, "Ids that begin with @ are the server's own.");
    }

    [Test]
    public void Positions_tell_nothing_and_are_known_by_their_own_log_only()
    {
        var positions = new PositionCipher();
        var others = new PositionCipher();
        var ids = Enumerable.Range(0, 1000).Select(i => positions.Encode(i / 2)).ToList();
        Assert.That(ids, Is.Unique, "not even whether anything came in between");
        Assert.That(ids.Select((id, i) => positions.TryDecode(id, out var place) && place == i / 2), Is.All.True);
        Assert.That(positions.TryDecode(ids[0].Insert(5, "\n\n"), out _), Is.False, "hello would end there");
        Assert.That(ids.Select(id => others.TryDecode(id, out _)), Is.All.False);
        Assert.That(ids.Select(id => positions.TryDecode(id[..^2] + (id[^2] == 'A' ? "B" : "A") + id[^1], out _)), Is.All.False);
    }

    internal static async Task PublishAsync(TestServer server, params int[] numbers)
    {
        foreach (var number in numbers)
            await server.PublishAsync($$"""{"data":{{number}}}""");
    }
}
