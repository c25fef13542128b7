using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>Who may publish.</summary>
public sealed class PublishTokens
{
    private const string Token = "a-token.of_our~own+/=";

    [TestCase("Bearer " + Token)]
    [TestCase("bearer " + Token)]
    [TestCase("Bearer   " + Token)]
    public async Task The_token_publishes(string authorization)
    {
        await using var server = TestServer.Start(o => o with { PublishToken = Token });
        await using var client = await server.SubscribeAsync();
        using var answer = await server.SendAsync("POST", "/events", ("Authorization", authorization));
        Assert.That((int)answer.StatusCode, Is.EqualTo(200));
        Assert.That((await client.NextAsync()).Data, Is.EqualTo("text"));
    }

    [TestCase(null, null)]
    [TestCase("Basic dXNlcjpwYXNz", null)]
    [TestCase(Token, null)]
    [TestCase("Bearer", null)]
    [TestCase("Bearer wrong", "invalid_token")]
    [TestCase("Bearer " + Token + "x", "invalid_token")]
    [TestCase("Bearer a-token.of_our~own+/", "invalid_token")]
    [TestCase("Bearer A-TOKEN.OF_OUR~OWN+/=", "invalid_token")]
    [TestCase("Bearer " + Token + ", Bearer " + Token, "invalid_token")]
    public async Task Anything_else_gets_401_and_the_log_the_reason(string? authorization, string? error)
    {
        await using var server = TestServer.Start(o => o with { PublishToken = Token });
        await using var client = await server.SubscribeAsync();
        using var answer = await server.SendAsync("POST", "/events", authorization is null ? [] : [("Authorization", authorization)]);
        await ExpectAsync(answer, 401, error);
        await Wait.UntilAsync(() => server.Logged.Contains(error is null ? "publishing needs Authorization: Bearer" : "the token is not good: it is not the publish token", StringComparison.Ordinal), server.Logged);
        using var next = await server.SendAsync("POST", "/events?type=next", ("Authorization", "Bearer " + Token));
        Assert.That((await client.NextAsync()).EventType, Is.EqualTo("next"));
    }

    [Test]
    public async Task Neither_the_query_nor_a_cookie_will_do()
    {
        await using var server = TestServer.Start(o => o with { PublishToken = Token });
        using var query = await server.SendAsync("POST", "/events?token=" + Uri.EscapeDataString(Token), ("Authorization", "Bearer " + Token));
        await Problem.ExpectAsync(query, 400, "The parameter \"token\" is unknown here. A token is sent as Authorization: Bearer here.");
        using var cookie = await server.SendAsync("POST", "/events", ("Cookie", "sse_token=" + Token));
        await ExpectAsync(cookie, 401, null);
    }

    [TestCase("localhost", null, false, 200)]
    [TestCase("127.0.0.1", null, false, 200)]
    [TestCase("+", null, false, 403)]
    [TestCase("+", null, true, 200)]
    [TestCase("+", Token, false, 200)]
    public async Task A_server_that_others_can_reach_does_not_take_events_from_anybody_unless_it_is_told_to(string host, string? token, bool isOpen, int status)
    {
        await using var server = TestServer.Start(o => o with { Host = host, PublishToken = token, OpenPublish = isOpen });
        using var answer = await server.SendAsync("POST", "/events", token is null ? [] : [("Authorization", "Bearer " + token)]);
        Assert.That((int)answer.StatusCode, Is.EqualTo(status));
        if (status == 403)
        {
            await Problem.ExpectAsync(answer, 403, "has neither --publish-token nor --jwt-key nor --open-publish");
            Assert.That(answer.Headers.WwwAuthenticate, Is.Empty);
        }

        await Wait.UntilAsync(() => server.Logged.Contains("POST /events", StringComparison.Ordinal), server.Logged);
        Assert.That(server.Logged.Contains("set --publish-token or --jwt-key, or --open-publish", StringComparison.Ordinal), Is.EqualTo(status == 403));
    }

    [Test]
    public async Task A_body_that_is_shorter_than_it_claims_publishes_nothing()
    {
        await using var server = TestServer.Start(o => o with { PublishToken = Token });
        await using var client = await server.SubscribeAsync();
        using var raw = new RawRequest(server.Port);
        await raw.SendAsync(RawRequest.Head(server.Port, "POST /events", "Authorization: Bearer " + Token, "Content-Type: text/plain", "Content-Length: 100") + "half");
        raw.EndSending();
        Assert.That(await raw.ReadToEndAsync(), Does.StartWith("HTTP/1.1 400 "));
        using var longer = new RawRequest(server.Port);
        await longer.SendAsync(RawRequest.Head(server.Port, "POST /events?type=short", "Authorization: Bearer " + Token, "Content-Type: text/plain", "Content-Length: 4") + "four and more");
        Assert.That(await longer.ReadUntilAsync("\"}"), Does.StartWith("HTTP/1.1 200 "));
        var item = await client.NextAsync();
        Assert.That((item.EventType, item.Data), Is.EqualTo(("short", "four")));
    }

    internal static async Task ExpectAsync(HttpResponseMessage answer, int status, string? error)
    {
        Assert.That(answer.Headers.WwwAuthenticate.Select(challenge => challenge.ToString()), Is.EqualTo((string[])[error is null ? "Bearer realm=\"sse\"" : $"Bearer error=\"{error}\""]));
        await Problem.ExpectAsync(answer, status, (status, error) switch
        {
            (400, _) => "The request has different tokens in the query and Authorization: Bearer. Send one.",
            (401, null) => "Authorization: Bearer TOKEN",

            // In the same words always: neither why, nor what there is.
            (401, _) => "The token is not good: forged, expired, or for another server. The server's log says why.",
            _ => "The token is good, but gives no right to this: its claim sse does not cover all that is asked for.",
        });
    }
}
