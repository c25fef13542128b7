using System.Net;
using System.Text.Json;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>One publish to several channels.</summary>
public sealed class SeveralChannels
{
    [TestCase("/events", "application/json", """{"data":1,"channels":["user/7","user/8"]}""")]
    [TestCase("/events?channel=user/7&channel=user/8", "application/json", """{"data":1}""")]
    [TestCase("/events?channel=user/8&channel=user/7", "text/plain", "1")]
    [TestCase("/events", "application/x-ndjson", """{"data":1,"channels":["user/8","user/7","user/7"]}""")]
    public async Task All_of_them_have_it_and_who_listens_to_several_gets_it_once(string path, string type, string body)
    {
        await using var server = TestServer.Start(options => options with { PresenceLimit = 0 });
        await using var one = await server.SubscribeAsync("?channel=user/7");
        await using var other = await server.SubscribeAsync("?channel=user/8");
        await using var both = await server.SubscribeAsync("?channel=user/8&channel=user/7");
        await using var pattern = await server.SubscribeAsync("?channel=user/*");
        await PublishAsync(server, path, type, body);
        await PublishAsync(server, "/events?channel=user/7&channel=user/8", "text/plain", "2");
        foreach (var client in (EventStream[])[one, other, both, pattern])
            Assert.That(await client.NextDataAsync(2), Is.EqualTo((string[])["1", "2"]));

        await using var late = await server.SubscribeAsync("?channel=user/*", lastEventId: "earliest");
        await server.PublishAsync("""{"data":3}""", "user/9");
        Assert.That(await late.NextDataAsync(3), Is.EqualTo((string[])["1", "2", "3"]));
    }

    [Test]
    public async Task Each_line_of_a_batch_names_its_own_and_all_count_or_none()
    {
        await using var server = TestServer.Start();
        await using var client = await server.SubscribeAsync("?channel=a&channel=b&channel=default&envelope=1");
        await PublishAsync(server, "/events", "application/x-ndjson", """
            {"id":"1","data":1,"channel":"a"}
            {"id":"2","data":2,"channels":["b"]}
            {"id":"3","data":3}
            """);
        Assert.That(await client.NextDataAsync(3), Is.EqualTo((string[])
            ["""{"channel":"a","data":1}""", """{"channel":"b","data":2}""", """{"channel":"default","data":3}"""]));
        using var conflict = await server.PostAsync("/events", "application/x-ndjson", "{\"data\":4,\"channel\":\"a\"}\n{\"id\":\"3\",\"data\":4}");
        Assert.That(conflict.StatusCode, Is.EqualTo(HttpStatusCode.Conflict));
        using var ended = await server.PostAsync("/events?channel=b&end=1", "text/plain", "");
        using var behind = await server.PostAsync("/events", "application/x-ndjson", "{\"data\":4,\"channel\":\"a\"}\n{\"data\":4,\"channel\":\"b\"}");
        Assert.That(behind.StatusCode, Is.EqualTo(HttpStatusCode.Conflict));
        Assert.That((await client.NextAsync()).EventType, Is.EqualTo("end"));
        await server.PublishAsync("""{"data":"next"}""", "a");
        Assert.That((await client.NextAsync()).Data, Does.Contain("next"));
    }

    [Test]
    public async Task The_same_again_is_the_same_in_whatever_order_and_for_other_channels_another()
    {
        await using var server = TestServer.Start();
        (string Channels, HttpStatusCode Status)[] tries =
        [
            ("a,b", HttpStatusCode.OK), ("b,a", HttpStatusCode.OK), ("a", HttpStatusCode.Conflict), ("a,b,c", HttpStatusCode.Conflict),
        ];
        foreach (var (channels, status) in tries)
        {
            using var answer = await server.PostAsync(
                $"/events?channel={channels.Replace(",", "&channel=", StringComparison.Ordinal)}", "application/json", """{"id":"x","data":1}""");
            Assert.That(answer.StatusCode, Is.EqualTo(status), channels);
        }

        await using var client = await server.SubscribeAsync("?channel=a&channel=b&channel=c", lastEventId: "earliest");
        await server.PublishAsync("""{"data":2}""", "c");
        Assert.That(await client.NextDataAsync(2), Is.EqualTo((string[])["1", "2"]));
    }

    [Test]
    public async Task With_end_all_of_them_end()
    {
        await using var server = TestServer.Start();
        await using var client = await server.SubscribeAsync("?channel=a&channel=b");
        await PublishAsync(server, "/events?channel=a&channel=b&end=1", "text/plain", "1");
        Assert.That(await client.ReadToEndAsync(), Is.EqualTo((string[])["1", """{"ended":"a"}""", """{"ended":"b"}"""]));
    }

    [TestCase("/events", """{"data":1,"channels":["a","b"]}""")]
    [TestCase("/events", """{"data":1,"channel":"b"}""")]
    [TestCase("/events?channel=a&channel=b", """{"data":1}""")]
    [TestCase("/events", """{"data":1}""")]
    public async Task Every_channel_must_be_permitted(string path, string body)
    {
        await using var server = TestServer.Start(options => options with { JwtKey = SignedTokens.Key(Jwt.Secret) });
        server.Http.DefaultRequestHeaders.Authorization = new("Bearer", Jwt.For(publish: ["a"]));
        using var forbidden = await server.PostAsync(path, "application/x-ndjson", body);
        Assert.That(forbidden.StatusCode, Is.EqualTo(HttpStatusCode.Forbidden));
        using var permitted = await server.PostAsync("/events", "application/x-ndjson", """{"data":2,"channel":"a"}""");
        Assert.That(permitted.StatusCode, Is.EqualTo(HttpStatusCode.OK));
    }

    // The id is found though the channel in whose log it is found first is not one of hers.
    [TestCase("user/7")]
    [TestCase("user/8")]
    public async Task Who_may_hear_one_of_them_resumes_from_it(string channel)
    {
        await using var server = TestServer.Start(options => options with { JwtKey = SignedTokens.Key(Jwt.Secret), Private = ["user/*"] });
        server.Http.DefaultRequestHeaders.Authorization = new("Bearer", Jwt.For(publish: ["*"], subscribe: [channel]));
        await PublishAsync(server, "/events?channel=user/7&channel=user/8", "application/json", """{"id":"x","data":1}""");
        await PublishAsync(server, "/events?channel=user/7&channel=user/8", "application/json", """{"data":2}""");
        await using var client = await server.SubscribeAsync($"?channel={channel}", lastEventId: "x");
        Assert.That((await client.NextAsync()).Data, Is.EqualTo("2"));
    }

    [Test]
    public async Task They_survive_a_restart()
    {
        using var folder = new TempFolder();
        string[] many = [.. Enumerable.Range(0, 100).Select(number => $"{new string('x', 190)}/{number}")];
        await using (var server = TestServer.Start(options => options with { Data = folder.Path }))
        {
            await PublishAsync(server, "/events", "application/json", JsonSerializer.Serialize(new { id = "x", data = 1, channels = many }));
            await PublishAsync(server, "/events", "application/json", """{"id":"y","data":2,"channels":["a","b"]}""");
        }

        await using var again = TestServer.Start(options => options with { Data = folder.Path });
        foreach (var channel in (string[])[many[0], many[99]])
        {
            await using var client = await again.SubscribeAsync($"?channel={channel}", lastEventId: "earliest");
            Assert.That((await client.NextAsync()).Data, Is.EqualTo("1"));
        }

        using var repeated = await again.PostAsync("/events", "application/json", """{"id":"y","data":2,"channels":["b","a"]}""");
        Assert.That(repeated.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        await using var both = await again.SubscribeAsync("?channel=a&channel=b", lastEventId: "earliest");
        await again.PublishAsync("""{"data":3}""", "a");
        Assert.That(await both.NextDataAsync(2), Is.EqualTo((string[])["2", "3"]));
    }

    // One of two is forgotten: the other still has it, and is found by its id.
    [TestCase("a", "b")]
    [TestCase("b", "a")]
    public async Task What_one_channel_loses_the_other_keeps(string forgotten, string kept)
    {
        await using var server = TestServer.Start();
        await PublishAsync(server, "/events?channel=a&channel=b", "application/json", """{"id":"x","data":1}""");
        await server.PublishAsync("""{"data":2}""", kept);
        using var answer = await server.SendAsync("DELETE", $"/channels/{forgotten}");
        await using var client = await server.SubscribeAsync($"?channel={kept}", lastEventId: "x");
        Assert.That((await client.NextAsync()).Data, Is.EqualTo("2"));
        using var gone = await server.SendAsync("DELETE", $"/channels/{kept}");
        await PublishAsync(server, "/events?channel=a&channel=b", "application/json", """{"id":"x","data":"another"}""");
    }

    [TestCase("/events?channel=a", """{"data":1,"channel":"b"}""", "not in both")]
    [TestCase("/events", """{"data":1,"channel":"b","channels":["c"]}""", "not both")]
    [TestCase("/events", """{"data":1,"channels":["c"],"channel":"b"}""", "not both")]
    [TestCase("/events", """{"data":1,"channels":[]}""", "1 to 100")]
    [TestCase("/events", """{"data":1,"channels":"a"}""", "array of strings")]
    [TestCase("/events", """{"data":1,"channels":["a",1]}""", "array of strings")]
    [TestCase("/events", """{"data":1,"channels":["a",["b"]]}""", "array of strings")]
    [TestCase("/events", """{"data":1,"channels":null}""", "array of strings")]
    [TestCase("/events", """{"data":1,"channel":7}""", "must be a string")]
    [TestCase("/events", """{"data":1,"channel":"a b"}""", "name")]
    [TestCase("/events", """{"data":1,"channels":["a","b/*"]}""", "Patterns are for listening")]
    [TestCase("/events?channel=a&channel=b/*", """{"data":1}""", "Patterns are for listening")]
    public async Task What_is_unclear_is_refused(string path, string body, string reason)
    {
        await using var server = TestServer.Start();
        foreach (var type in (string[])["application/json", "application/x-ndjson"])
        {
            using var answer = await server.PostAsync(path, type, body);
            Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
            Assert.That(await answer.Content.ReadAsStringAsync(), Does.Contain(reason));
        }
    }

    [TestCase(100, 200)]
    [TestCase(101, 400)]
    public async Task There_may_be_a_hundred(int count, int status)
    {
        await using var server = TestServer.Start();
        var body = JsonSerializer.Serialize(new { data = 1, channels = Enumerable.Range(0, count).Select(number => $"c{number}") });
        using var answer = await server.PostAsync("/events", "application/json", body);
        Assert.That((int)answer.StatusCode, Is.EqualTo(status));
    }

    // Each may be the last that there is room for.
    [Test]
    public async Task Without_room_for_all_it_is_published_nowhere()
    {
        await using var server = TestServer.Start(options => options with { MaxChannels = 2 });
        using var answer = await server.PostAsync("/events?channel=a&channel=b&channel=c", "text/plain", "1");
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.ServiceUnavailable));
        await PublishAsync(server, "/events?channel=a&channel=b", "text/plain", "2");
        await using var client = await server.SubscribeAsync("?channel=a", lastEventId: "earliest");
        Assert.That((await client.NextAsync()).Data, Is.EqualTo("2"));
    }

    private static async Task PublishAsync(TestServer server, string path, string type, string body)
    {
        using var answer = await server.PostAsync(path, type, body);
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.OK), await answer.Content.ReadAsStringAsync());
    }
}
