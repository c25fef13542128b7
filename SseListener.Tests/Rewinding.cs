using System.Net;
using SseListener.Events;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>Where a client begins that has no last id.</summary>
public sealed class Rewinding
{
    [TestCase("?channel=a&rewind=2", "a2 a3")]
    [TestCase("?channel=a&rewind=0", "")]
    [TestCase("?channel=a&rewind=99", "a1 a2 a3")]
    [TestCase("?channel=a&rewind=1h", "a1 a2 a3")]
    [TestCase("?channel=a&channel=p/1&rewind=1", "p1 a3")]
    [TestCase("?channel=p/*&rewind=1", "p1 q2")]
    [TestCase("?channel=p/*&channel=p/1&rewind=1", "p1 q2")]
    [TestCase("?channel=none&rewind=5", "")]
    [TestCase("?channel=a&rewind=99999999d", "a1 a2 a3")]
    [TestCase("?channel=a&rewind=2&envelope=1", """{"channel":"a","data":"a2"} {"channel":"a","data":"a3"}""")]
    public async Task It_gets_so_many_events_of_each_channel_and_then_what_is_new(string query, string expected)
    {
        await using var server = TestServer.Start();
        foreach (var (channel, data) in ((string, string)[])[("a", "a1"), ("p/1", "p1"), ("p/2", "q1"), ("a", "a2"), ("p/2", "q2"), ("a", "a3")])
            await server.PublishAsync($$"""{"data":"{{data}}"}""", channel);

        await using var client = await server.SubscribeAsync(query);
        foreach (var name in query.Split('&').Where(part => part.Contains("channel=", StringComparison.Ordinal)).Take(1))
            await server.PublishAsync("""{"data":"new"}""", name[(name.IndexOf('=', StringComparison.Ordinal) + 1)..].Replace("*", "3", StringComparison.Ordinal));

        var received = new List<string>();
        while (received.Count == 0 || !received[^1].Contains("new", StringComparison.Ordinal))
            received.Add((await client.NextAsync()).Data.Trim('"'));

        Assert.That(string.Join(' ', received.SkipLast(1)), Is.EqualTo(expected));
    }

    [Test]
    public void An_age_is_that_of_each_event()
    {
        var history = new History(new Allowances(100_000, TimeSpan.FromDays(1)), _ => { });
        var log = new ChannelLog("a");
        for (var second = 1; second <= 100; second++)
            history.Append(log, "data: 1\n\n"u8, sequence: second, time: second * 1000);

        long Place(int seconds) => log.PlaceBefore(new Rewind(long.MaxValue, TimeSpan.FromSeconds(seconds)), now: 100_000);
        Assert.That(Place(0), Is.EqualTo(99));
        Assert.That(Place(10), Is.EqualTo(89));
        Assert.That(Place(1000), Is.Zero);
        Assert.That(log.PlaceBefore(new Rewind(long.MaxValue, TimeSpan.FromSeconds(1)), now: 200_000), Is.EqualTo(100));
    }

    // They are looked at in several steps, between which more is published, also to channels that are new.
    [Test]
    public async Task Under_a_pattern_of_many_channels_it_gets_the_latest_of_each_and_all_that_comes_meanwhile()
    {
        await using var server = TestServer.Start();
        var lines = Enumerable.Range(0, 1000).SelectMany(channel => (int[])[1, 2], (channel, data) => $$"""{"data":"{{channel}}={{data}}","channel":"prices/{{channel}}"}""");
        using var batch = await server.PostAsync("/events", "application/x-ndjson", string.Join('\n', lines));
        Assert.That(batch.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        var publishing = Task.WhenAll(Enumerable.Range(0, 100).Select(number => server.PublishAsync($$"""{"data":"new{{number}}=3"}""", $"prices/new/{number}")));
        var clients = await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => server.SubscribeAsync("?channel=prices/*&rewind=1")));
        await publishing;
        await server.PublishAsync("""{"data":"last"}""", "prices/last");
        foreach (var client in clients)
        {
            var received = new List<string>();
            while (received.LastOrDefault() != "last")
                received.Add((await client.NextAsync()).Data.Trim('"'));

            Assert.That(received, Is.Unique.And.SupersetOf(Enumerable.Range(0, 1000).Select(channel => $"{channel}=2")));
            Assert.That(received, Is.SupersetOf(Enumerable.Range(0, 100).Select(number => $"new{number}=3")));
            Assert.That(received, Has.None.EndsWith("=1"));
            await client.DisposeAsync();
        }
    }

    // It has had a place in each channel for longest, and does not read what it has missed.
    [Test]
    public async Task Where_too_many_go_through_all_channels_the_first_that_does_not_read_is_disconnected()
    {
        await using var server = TestServer.Start(options => options with { MaxChannels = 10, History = 100_000_000, MaxBody = 20_000_000, PresenceLimit = 0 });
        await server.PublishAsync($$"""{"data":"{{new string('x', 10_000_000)}}"}""", "p/0");
        for (var channel = 1; channel < 10; channel++)
            await server.PublishAsync("""{"data":1}""", $"p/{channel}");

        var stalled = new List<StalledClient>();
        for (var i = 0; i < 20; i++)
            stalled.Add(await StalledClient.OpenAsync(server.Port, "?channel=p/*&rewind=1"));

        await using var client = await server.SubscribeAsync("?channel=p/*&rewind=1");
        await server.ExpectMetricAsync("""sse_streams_ended_total{reason="lapped"}""", 1);
        for (var channel = 0; channel < 10; channel++)
            Assert.That((await client.NextAsync()).Data, Has.Length.EqualTo(channel == 0 ? 10_000_002 : 1));

        Assert.That(server.Server.Clients, Has.Count.EqualTo(20));
        stalled.ForEach(one => one.Dispose());
    }

    [Test]
    public async Task With_a_last_id_that_counts()
    {
        await using var server = TestServer.Start();
        await server.PublishAsync("""{"data":1}""");
        var id = await server.PublishAsync("""{"data":2}""");
        await server.PublishAsync("""{"data":3}""");
        await using var client = await server.SubscribeAsync("?rewind=99", lastEventId: id);
        Assert.That((await client.NextAsync()).Data, Is.EqualTo("3"));
        await server.ExpectNothingArrivedAsync(client);
    }

    // Its connection broke before it had an event.
    [Test]
    public async Task Who_comes_back_with_the_position_of_the_greeting_has_missed_nothing()
    {
        await using var server = TestServer.Start();
        foreach (var data in (int[])[1, 2, 3])
            await server.PublishAsync($$"""{"data":{{data}}}""");

        await using var broken = await server.SubscribeAsync("?rewind=2");
        await using var back = await server.SubscribeAsync("?rewind=2", broken.LastEventId);
        Assert.That(await back.NextDataAsync(2), Is.EqualTo((string[])["2", "3"]));
    }

    [Test]
    public async Task Under_a_pattern_it_hears_nothing_of_channels_that_it_may_not_hear()
    {
        await using var server = TestServer.Start(options => options with { JwtKey = SignedTokens.Key(Jwt.Secret), Private = ["user/*"], PublishToken = "secret" });
        foreach (var channel in (string[])["user/7", "user/8"])
        {
            using var answer = await server.SendAsync("POST", $"/events?channel={channel}", ("Authorization", "Bearer secret"));
            Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        }

        var token = Jwt.For(subscribe: ["user/7"]);
        await using var client = await server.SubscribeAsync($"?channel=user/*&rewind=5&envelope=1&token={token}");
        Assert.That((await client.NextAsync()).Data, Does.Contain("user/7"));
        using var next = await server.SendAsync("POST", "/events?channel=user/7", ("Authorization", "Bearer secret"));
        Assert.That((await client.NextAsync()).Data, Does.Contain("user/7"));
    }

    [TestCase("rewind=-1")]
    [TestCase("rewind=1.5")]
    [TestCase("rewind=10x")]
    [TestCase("rewind=m")]
    [TestCase("rewind=99999999999")]
    [TestCase("rewind=1&rewind=2")]
    public async Task What_is_no_number_and_no_age_is_refused(string query)
    {
        await using var server = TestServer.Start();
        using var answer = await server.SendAsync("GET", "/events?" + query);
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
        Assert.That(await answer.Content.ReadAsStringAsync(), Does.Contain("rewind"));
    }
}
