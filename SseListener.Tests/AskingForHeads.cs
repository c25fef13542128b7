using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>What <c>HEAD /events</c> is answered: as GET, short of a stream.</summary>
public sealed class AskingForHeads
{
    private static readonly string[] _own = ["Date", "Server", "Transfer-Encoding"];

    [TestCase("HTTP/1.1", true)]
    [TestCase("HTTP/1.0", true)]
    [TestCase("HTTP/1.1", false)]
    public async Task It_has_the_fields_of_a_stream_and_begins_none(string version, bool usesSockets)
    {
        await using var server = TestServer.Start(o => o with { Cors = ["https://app.example.com"], UsesPrivateNames = usesSockets, MaxClients = 1 });
        var request = $" /events?channel=a {version}\r\nHost: 127.0.0.1:{server.Port}\r\nOrigin: https://app.example.com\r\n\r\n";
        using var stream = new RawRequest(server.Port);
        await stream.SendAsync("GET" + request);
        var fields = Fields(await stream.ReadUntilAsync("event: hello"));
        var head = await RawRequest.ExchangeAsync(server.Port, "HEAD" + request);
        Assert.That(head, Does.StartWith("HTTP/1.1 200 OK\r\n").And.Contain("\r\nContent-Type: text/event-stream\r\n").And.Contain("\r\nDate: "));
        Assert.That(head, usesSockets ? Does.EndWith("\r\n\r\n").And.Not.Contain("\r\n\r\n0") : Does.Contain("\r\n\r\n"));
        Assert.That(Fields(head), Is.EquivalentTo(fields));
        Assert.That(server.Server.Clients, Has.Count.EqualTo(1));
    }

    [TestCase("/events?channel=%20", 400)]
    [TestCase("/events?chanel=a", 400)]
    [TestCase("/events?channel=private", 401)]
    [TestCase("/events?channel=default", 200)]
    public async Task It_is_refused_what_GET_is_refused_and_announced_to_nobody(string path, int status)
    {
        await using var server = TestServer.Start(o => o with { JwtKey = SignedTokens.Key(Jwt.Secret), PublishToken = null, Private = ["private"] });
        await using var client = await server.SubscribeAsync();
        using var answer = await server.SendAsync("HEAD", path);
        Assert.That((int)answer.StatusCode, Is.EqualTo(status));
        Assert.That(await answer.Content.ReadAsByteArrayAsync(), Is.Empty);
        Assert.That(server.Server.Clients, Has.Count.EqualTo(1));
        using var published = await server.SendAsync("POST", "/events", ("Authorization", "Bearer " + Jwt.For(publish: ["*"])));
        Assert.That((await client.NextAsync()).Data, Is.EqualTo("text"), "no join comes before it");
    }

    [TestCase("application/json", "")]
    [TestCase("application/json", "?limit=1")]
    [TestCase("application/json", "?limit=0")]
    [TestCase("application/json", "?rewind=1")]
    [TestCase("application/json, text/event-stream", "")]
    [TestCase("text/event-stream", "?limit=1")]
    public async Task It_is_answered_with_JSON_where_GET_is(string accept, string query)
    {
        await using var server = TestServer.Start();
        await server.PublishAsync("""{"data":1}""");
        await server.PublishAsync("""{"data":2}""");
        using var get = await server.SendAsync("GET", "/events" + query, ("Accept", accept));
        using var head = await server.SendAsync("HEAD", "/events" + query, ("Accept", accept));
        Assert.That(head.StatusCode, Is.EqualTo(get.StatusCode));
        Assert.That(head.Content.Headers.ContentType, Is.EqualTo(get.Content.Headers.ContentType));
        Assert.That(head.Content.Headers.ContentLength, Is.EqualTo(get.Content.Headers.ContentLength));
        Assert.That(await head.Content.ReadAsByteArrayAsync(), Is.Empty);
    }

    private static IEnumerable<string> Fields(string answer) =>
        answer[..answer.IndexOf("\r\n\r\n", StringComparison.Ordinal)].Split("\r\n")[1..].Where(field => !_own.Contains(field.Split(':')[0]));
}
