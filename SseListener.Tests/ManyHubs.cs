using System.Net;
using System.Text;
using SseListener.Cluster;
using SseListener.Http;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>Two hubs that share a log on one NATS server.</summary>
public sealed class ManyHubs
{
    [Test]
    public async Task Clients_of_both_get_the_same_events_in_the_same_order()
    {
        using var nats = await NatsServer.StartAsync();
        await using var a = Hub(nats, options => options with { PresenceLimit = 0 });
        await using var b = Hub(nats, options => options with { PresenceLimit = 0 });
        await using var atA = await a.SubscribeAsync();
        await using var atB = await b.SubscribeAsync();
        var publishing = Enumerable.Range(0, 200).Select(number => (number % 2 == 0 ? a : b).PublishAsync($$"""{"data":{{number}}}"""));
        var ids = await Task.WhenAll(publishing);
        var received = new List<string?>();
        for (var i = 0; i < ids.Length; i++)
            received.Add((await atA.NextAsync()).EventId);

        Assert.That(received, Is.EquivalentTo(ids));
        foreach (var id in received)
            Assert.That((await atB.NextAsync()).EventId, Is.EqualTo(id));
    }

    [Test]
    public async Task A_client_resumes_at_the_other_one()
    {
        using var nats = await NatsServer.StartAsync();
        await using var a = Hub(nats);
        await using var b = Hub(nats);
        await using var quiet = await a.SubscribeAsync();
        var first = await a.PublishAsync("""{"data":1}""");
        await a.PublishAsync("""{"data":2}""");

        // By an event's id, and by the position of one that had no event yet.
        await using var byId = await b.SubscribeAsync(lastEventId: first);
        Assert.That((await byId.NextAsync()).Data, Is.EqualTo("2"));
        await using var byPlace = await b.SubscribeAsync(lastEventId: quiet.LastEventId);
        Assert.That(await byPlace.NextDataAsync(2), Is.EqualTo((string[])["1", "2"]));
    }

    [Test]
    public async Task A_hub_that_starts_later_has_what_is_kept()
    {
        using var nats = await NatsServer.StartAsync();
        await using var a = Hub(nats);
        for (var i = 0; i < 1000; i++)
            await a.PublishAsync($$"""{"data":{{i}}}""");

        await using var b = Hub(nats);
        await using var client = await b.SubscribeAsync(lastEventId: "earliest");
        Assert.That(await client.NextDataAsync(1000), Is.EqualTo(Enumerable.Range(0, 1000).Select(i => $"{i}")));
    }

    [Test]
    public async Task The_same_id_at_the_same_moment_is_one_event_and_another_content_is_refused()
    {
        using var nats = await NatsServer.StartAsync();
        await using var a = Hub(nats);
        await using var b = Hub(nats);
        await using var client = await b.SubscribeAsync();
        for (var i = 0; i < 100; i++)
        {
            var same = await Task.WhenAll(PostAsync(a, $$"""{"id":"same{{i}}","data":1}"""), PostAsync(b, $$"""{"id":"same{{i}}","data":1}"""));
            Assert.That(same, Is.All.EqualTo(HttpStatusCode.OK));
            var other = await Task.WhenAll(PostAsync(a, $$"""{"id":"other{{i}}","data":1}"""), PostAsync(b, $$"""{"id":"other{{i}}","data":2}"""));
            Assert.That(other, Is.EquivalentTo((HttpStatusCode[])[HttpStatusCode.OK, HttpStatusCode.Conflict]));
            Assert.That((await client.NextAsync()).EventId, Is.EqualTo($"same{i}"));
            Assert.That((await client.NextAsync()).EventId, Is.EqualTo($"other{i}"));
        }
    }

    [Test]
    public async Task An_end_is_one_for_all_hubs_and_so_is_that_a_channel_is_forgotten()
    {
        using var nats = await NatsServer.StartAsync();
        await using var a = Hub(nats);
        await using var b = Hub(nats);
        for (var round = 0; round < 20; round++)
        {
            await using var reader = await b.SubscribeAsync($"?channel=llm/{round}");
            var answers = await Task.WhenAll(
                a.PostAsync($"/events?channel=llm/{round}&end=1", "text/plain", "last"), b.PostAsync($"/events?channel=llm/{round}&end=1", "text/plain", ""),
                b.PostAsync($"/events?channel=llm/{round}", "text/plain", "other"));
            var received = await reader.ReadToEndAsync();

            // The end alone is always good.
            Assert.That(answers[1].StatusCode, Is.EqualTo(HttpStatusCode.OK));
            string[] good = [.. answers[0].IsSuccessStatusCode ? ["last"] : Array.Empty<string>(), .. answers[2].IsSuccessStatusCode ? ["other"] : Array.Empty<string>()];
            Assert.That(received.SkipLast(1), Is.EquivalentTo(good));
            Assert.That(received[^1], Is.EqualTo($$"""{"ended":"llm/{{round}}"}"""));
            using var back = await a.SendAsync("GET", $"/events?channel=llm/{round}", ("Last-Event-ID", reader.LastEventId));
            Assert.That(back.StatusCode, Is.EqualTo(HttpStatusCode.NoContent));
        }

        using var forgotten = await a.SendAsync("DELETE", "/channels/llm/0");
        Assert.That(forgotten.StatusCode, Is.EqualTo(HttpStatusCode.NoContent));
        using var read = await b.SendAsync("GET", "/events?channel=llm/0", ("Accept", "application/json"));
        Assert.That(await read.Content.ReadAsStringAsync(), Does.EndWith("\"events\":[]}"));
        await b.PublishAsync("""{"data":1}""", "llm/0");
    }

    [Test]
    public async Task What_is_published_to_several_channels_is_one_event_on_every_hub()
    {
        using var nats = await NatsServer.StartAsync();
        await using var a = Hub(nats);
        await using var b = Hub(nats);
        await using var both = await b.SubscribeAsync("?channel=x&channel=y");
        var same = await Task.WhenAll(
            a.PostAsync("/events?channel=x&channel=y", "application/json", """{"id":"1","data":1}"""),
            b.PostAsync("/events?channel=y&channel=x", "application/json", """{"id":"1","data":1}"""));
        Assert.That(same.Select(answer => answer.StatusCode), Is.All.EqualTo(HttpStatusCode.OK));
        using var other = await b.PostAsync("/events?channel=x", "application/json", """{"id":"1","data":1}""");
        Assert.That(other.StatusCode, Is.EqualTo(HttpStatusCode.Conflict));
        await a.PublishAsync("""{"data":2}""", "y");
        Assert.That(await both.NextDataAsync(2), Is.EqualTo((string[])["1", "2"]));
    }

    [Test]
    public async Task A_batch_is_all_or_nothing()
    {
        using var nats = await NatsServer.StartAsync();
        await using var a = Hub(nats);
        await using var b = Hub(nats);
        await using var client = await b.SubscribeAsync();
        await a.PublishAsync("""{"id":"x","data":1}""");
        Assert.That(await PostAsync(b, "{\"data\":2}\n{\"id\":\"x\",\"data\":3}\n", "application/x-ndjson"), Is.EqualTo(HttpStatusCode.Conflict));
        Assert.That(await PostAsync(b, "{\"id\":\"x\",\"data\":1}\n{\"data\":4}\n", "application/x-ndjson"), Is.EqualTo(HttpStatusCode.OK));
        Assert.That(await client.NextDataAsync(2), Is.EqualTo((string[])["1", "4"]));
    }

    [Test]
    public async Task Private_channels_patterns_and_envelopes_go_across()
    {
        var reader = Jwt.For(subscribe: ["user/*"]);
        using var nats = await NatsServer.StartAsync();
        ServerOptions Change(ServerOptions options) => options with { JwtKey = SignedTokens.Key(Jwt.Secret), PublishToken = "secret", Private = ["user/*"] };
        await using var a = Hub(nats, Change);
        await using var b = Hub(nats, Change);
        await using var client = await b.SubscribeAsync($"?channel=user/*&channel=open&envelope=1&token={reader}");
        a.Http.DefaultRequestHeaders.Authorization = new("Bearer", "secret");
        await a.PublishAsync("""{"data":1}""", "user/7");
        await a.PublishAsync("""{"data":2}""", "open");
        Assert.That(await client.NextDataAsync(2), Is.EqualTo((string[])["""{"channel":"user/7","data":1}""", """{"channel":"open","data":2}"""]));
        using var refused = await b.Http.GetAsync(new Uri("/events?channel=user/7", UriKind.Relative), HttpCompletionOption.ResponseHeadersRead);
        Assert.That(refused.StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized));
    }

    [Test]
    public async Task Joins_and_leaves_reach_the_clients_of_both_with_the_number_of_all()
    {
        using var nats = await NatsServer.StartAsync();
        await using var a = Hub(nats);
        await using var b = Hub(nats);
        await using var atA = await a.SubscribeAsync();
        await HearsAsync(b, "default", 1);
        var atB = await b.SubscribeAsync();
        var join = await atA.NextAsync();
        Assert.That((join.EventType, join.Data), Is.EqualTo(("join", $$"""{"joined":"{{atB.ClientId}}","clients":2}""")));
        await atB.DisposeAsync();
        var leave = await atA.NextAsync();
        Assert.That((leave.EventType, leave.Data), Is.EqualTo(("leave", $$"""{"left":"{{atB.ClientId}}","clients":1}""")));
    }

    [Test]
    public async Task A_hub_that_stops_or_falls_silent_has_no_clients_any_more()
    {
        using var nats = await NatsServer.StartAsync();
        await using var a = Hub(nats);
        await using (var b = Hub(nats))
        {
            await using var atB = await b.SubscribeAsync();
            await HearsAsync(a, "default", 1);
        }

        await HearsAsync(a, "default", 0);
        var counts = new ClientCounts(TimeSpan.FromSeconds(10));
        Assert.That(counts.Hear(new PresenceMessage("h", PresenceKind.Join, "c", User: null, [("x", 1)]), now: 0), Is.True);
        counts.ForgetSilent(now: 10_000);
        Assert.That(counts.Of("x"), Is.EqualTo(1));
        counts.ForgetSilent(now: 10_001);
        Assert.That(counts.Of("x"), Is.Zero);
    }

    [Test]
    public async Task A_client_of_one_is_dismissed_by_the_other_if_the_token_allows_it()
    {
        using var nats = await NatsServer.StartAsync();
        ServerOptions Change(ServerOptions options) => options with { JwtKey = SignedTokens.Key(Jwt.Secret) };
        await using var a = Hub(nats, Change);
        await using var b = Hub(nats, Change);
        await using var client = await b.SubscribeAsync("?channel=orders");
        await HearsAsync(a, "orders", 1);
        Assert.That(await DismissAsync(a, client.ClientId, Jwt.For(publish: ["other"])), Is.EqualTo(HttpStatusCode.Forbidden));
        Assert.That(await DismissAsync(a, "noneOfThem", Jwt.For(publish: ["*"])), Is.EqualTo(HttpStatusCode.NotFound));
        Assert.That(await DismissAsync(a, client.ClientId, Jwt.For(publish: ["orders"])), Is.EqualTo(HttpStatusCode.NoContent));
        await client.EndAsync();
    }

    [Test]
    public async Task An_id_that_one_hub_has_forgotten_is_no_place_any_more()
    {
        using var nats = await NatsServer.StartAsync();
        await using var a = Hub(nats, o => o with { PresenceLimit = 0 });
        await using var b = Hub(nats, o => o with { PresenceLimit = 0, History = 600 });
        await a.PublishAsync("""{"id":"x","data":1}""");
        for (var i = 0; i < 100; i++)
            await b.PublishAsync("""{"data":2}""");

        await b.PublishAsync("""{"id":"x","data":3}""");
        await a.ExpectMetricAsync("sse_history_events", 102);
        await using var client = await a.SubscribeAsync(lastEventId: "x");
        Assert.That((await client.NextAsync()).EventType, Is.EqualTo("gap"));
        Assert.That((await client.NextDataAsync(102))[^1], Is.EqualTo("3"));
    }

    [Test]
    public void A_presence_message_says_plain_names_and_numbers()
    {
        Assert.That(PresenceMessage.TryParse("h Join client\ndefault 2", out var message), Is.True);
        Assert.That(message!.Counts, Is.EqualTo(((string, int)[])[("default", 2)]));
        foreach (var text in (string[])["", "h Join", "h Join \"},", "h Come client", "h Join c\ndefault", "h Join c\ndefault -1", "h Join c\ndefault 2147483647"])
            Assert.That(PresenceMessage.TryParse(text, out _), Is.False, text);
    }

    [Test]
    public async Task A_publish_that_no_message_can_hold_is_refused()
    {
        using var nats = await NatsServer.StartAsync();
        await using var a = Hub(nats);
        using var content = new StringContent($"\"{new string('x', 1_048_000)}\"", Encoding.UTF8, "text/plain");
        using var answer = await a.Http.PostAsync(new Uri("/events", UriKind.Relative), content);
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.RequestEntityTooLarge));
        Assert.That(await answer.Content.ReadAsStringAsync(), Does.Contain("max_payload"));
        await a.PublishAsync("""{"data":1}""");
    }

    internal static TestServer Hub(NatsServer nats, Func<ServerOptions, ServerOptions>? change = null) => TestServer.Start(options =>
    {
        var hub = options with { Cluster = new ClusterOptions { Servers = [nats.Address], Replicas = 1 } };
        return change?.Invoke(hub) ?? hub;
    });

    private static Task HearsAsync(TestServer hub, string channel, int clients) =>
        Wait.UntilAsync(() => hub.Server.ClientsElsewhere(channel) == clients, $"it does not hear of {clients} clients");

    private static async Task<HttpStatusCode> PostAsync(TestServer hub, string body, string type = "application/json")
    {
        using var content = new StringContent(body, Encoding.UTF8, type);
        using var answer = await hub.Http.PostAsync(new Uri("/events", UriKind.Relative), content);
        return answer.StatusCode;
    }

    private static async Task<HttpStatusCode> DismissAsync(TestServer hub, string client, string token)
    {
        using var request = new HttpRequestMessage(HttpMethod.Delete, "/clients/" + client);
        request.Headers.Authorization = new("Bearer", token);
        using var answer = await hub.Http.SendAsync(request);
        return answer.StatusCode;
    }
}
