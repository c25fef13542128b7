using SseListener.Http;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>Who may listen to what.</summary>
public sealed class PrivateChannels
{
    private static readonly string[] _user7 = ["user/7"];

    [TestCase("?channel=user/7")]
    [TestCase("?channel=user/8")]
    [TestCase("?channel=news&channel=user/7")]
    [TestCase("?channel=user/*")]
    [TestCase("?channel=user/7/*")]
    public async Task Without_a_token_a_private_channel_gets_401_whether_it_exists_or_not(string query)
    {
        await using var server = Start();
        await using var there = await server.SubscribeAsync("?channel=user/7&token=" + Jwt.For(subscribe: _user7));
        using var answer = await server.SendAsync("GET", "/events" + query);
        await PublishTokens.ExpectAsync(answer, 401, null);
    }

    [TestCase("?channel=user/7", 200)]
    [TestCase("?channel=user/7&channel=news", 200)]
    [TestCase("?channel=news", 200)]
    [TestCase("?channel=user/8", 403)]
    [TestCase("?channel=user/7&channel=user/8", 403)]
    [TestCase("?channel=user/77", 403)]
    [TestCase("?channel=user/*", 200)]
    [TestCase("?channel=user/8/*", 403)]
    public async Task A_token_opens_the_channels_that_it_covers(string query, int status)
    {
        await using var server = Start();
        using var answer = await server.SendAsync("GET", "/events" + query, ("Authorization", "Bearer " + Jwt.For(subscribe: _user7)));
        Assert.That((int)answer.StatusCode, Is.EqualTo(status));
        if (status == 403)
        {
            await PublishTokens.ExpectAsync(answer, 403, "insufficient_scope");
            await server.LogsAsync("the token may not listen to user/");
        }
    }

    [TestCase("Authorization", "Bearer TOKEN", "")]
    [TestCase("Cookie", "theme=dark; sse_token=TOKEN; other=1", "")]
    [TestCase("Cookie", "sse_token=\"TOKEN\"", "")]
    [TestCase("Accept", "text/event-stream", "&token=TOKEN")]
    [TestCase("Authorization", "Bearer TOKEN", "&token=TOKEN")]
    [TestCase("Cookie", "sse_token=stale", "&token=TOKEN")]
    [TestCase("Authorization", "Bearer TOKEN", "&token=")]
    [TestCase("Cookie", "sse_token=TOKEN", "&token=")]
    [TestCase("Cookie", "sse_token=; sse_token=TOKEN", "")]
    [TestCase("Cookie", "sse_token=stale; sse_token=TOKEN", "")]
    [TestCase("Cookie", "sse_token=TOKEN; sse_token=stale", "")]
    public async Task It_comes_in_the_header_the_query_or_a_cookie_and_is_never_logged(string field, string value, string query)
    {
        await using var server = Start();
        var token = Jwt.For(subscribe: _user7);
        var path = "/events?channel=user/7" + query.Replace("TOKEN", token, StringComparison.Ordinal);
        using var answer = await server.SendAsync("GET", path, (field, value.Replace("TOKEN", token, StringComparison.Ordinal)), ("Referer", "http://localhost/?token=" + token));
        Assert.That((int)answer.StatusCode, Is.EqualTo(200));
        await server.LogsAsync(" connected from ");
        Assert.That(server.Logged, Does.Not.Contain(token.Split('.')[1]));
    }

    [TestCase("Bearer OTHER", "&token=TOKEN")]
    [TestCase("Bearer TOKEN", "&token=OTHER")]
    public async Task Two_different_tokens_are_refused(string authorization, string query)
    {
        await using var server = Start();
        string Filled(string text) => text.Replace("TOKEN", Jwt.For(subscribe: _user7, life: TimeSpan.FromMinutes(7)), StringComparison.Ordinal).Replace("OTHER", Jwt.For(subscribe: ["*"]), StringComparison.Ordinal);
        using var answer = await server.SendAsync("GET", "/events?channel=user/7" + Filled(query), ("Authorization", Filled(authorization)));
        await PublishTokens.ExpectAsync(answer, 400, "invalid_request");
    }

    [TestCase("http://evil.example", null, 403)]
    [TestCase("null", null, 403)]
    [TestCase(null, "cross-site", 403)]
    [TestCase(null, "same-site", 403)]
    [TestCase(null, "same-origin", 200)]
    [TestCase(null, null, 200)]
    [TestCase("https://app.example.com", "cross-site", 200)]
    public async Task A_cookie_counts_from_our_own_pages_and_those_that_are_listed(string? origin, string? site, int status)
    {
        await using var server = Start(o => o with { Cors = ["https://app.example.com"] });
        var fields = new List<(string, string)> { ("Cookie", "sse_token=" + Jwt.For(subscribe: _user7)) };
        fields.AddRange(origin is null ? [] : [("Origin", origin)]);
        fields.AddRange(site is null ? [] : [("Sec-Fetch-Site", site)]);
        using var answer = await server.SendAsync("GET", "/events?channel=user/7", [.. fields]);
        Assert.That((int)answer.StatusCode, Is.EqualTo(status));
        if (status == 403)
            await Problem.ExpectAsync(answer, 403, "may not do this");

        using var open = await server.SendAsync("GET", "/events?channel=news", [.. fields]);
        Assert.That((int)open.StatusCode, Is.EqualTo(200), "what needs no token does not look at the cookie");
    }

    [Test]
    public async Task Two_good_cookies_count_together_and_neither_shuts_the_other_out()
    {
        await using var server = Start();
        var cookie = ("Cookie", $"sse_token={Jwt.For(subscribe: ["user/8"])}; sse_token={Jwt.For(subscribe: _user7)}");
        using var answer = await server.SendAsync("GET", "/events?channel=user/7&channel=user/8", cookie);
        Assert.That((int)answer.StatusCode, Is.EqualTo(200));
        using var other = await server.SendAsync("GET", "/events?channel=user/9", cookie);
        await PublishTokens.ExpectAsync(other, 403, "insufficient_scope");
        using var bad = await server.SendAsync("GET", "/events?channel=user/7", ("Cookie", "sse_token=one; sse_token=two"));
        await PublishTokens.ExpectAsync(bad, 401, "invalid_token");
        using var open = await server.SendAsync("GET", "/events?channel=news", ("Cookie", "sse_token=one; sse_token=two"));
        Assert.That((int)open.StatusCode, Is.EqualTo(200));
    }

    [TestCase("/events%3Ftoken=SECRET")]
    [TestCase("/events&token=SECRET")]
    [TestCase("/events;token=SECRET")]
    [TestCase("/nowhere?token=SECRET")]
    [TestCase("/events?channel=%20&token=SECRET")]
    public async Task A_token_is_not_logged_wherever_it_was_put(string path)
    {
        await using var server = Start();
        using var answer = await server.SendAsync("GET", path, ("X-Original-URI", "/events?token=SECRET"), ("Proxy-Authorization", "Basic SECRET"));
        await server.LogsAsync($" {(int)answer.StatusCode}: ");
        Assert.That(server.Logged, Does.Contain("X-Original-URI: …").And.Contain("Proxy-Authorization: …").And.Not.Contain("SECRET"));
    }

    [Test]
    public async Task Strangers_to_a_private_channel_do_not_silence_its_presence()
    {
        await using var server = TestServer.Start(o => o with { JwtKey = SignedTokens.Key(Jwt.Secret), Private = ["a/secret"], PresenceLimit = 2 });
        var token = Jwt.For(subscribe: ["a/secret"]);
        await using var one = await server.SubscribeAsync("?channel=a/*");
        await using var two = await server.SubscribeAsync("?channel=a/*");
        await using var three = await server.SubscribeAsync("?channel=a/*");
        await using var member = await server.SubscribeAsync("?channel=a/secret&token=" + token);
        await using (var other = await server.SubscribeAsync("?channel=a/secret&token=" + token))
        {
            Assert.That((await member.NextAsync()).Data, Is.EqualTo($$"""{"joined":"{{other.ClientId}}","clients":2}"""));
        }

        Assert.That((await member.NextAsync()).EventType, Is.EqualTo("leave"));
    }

    [Test]
    public async Task A_bad_token_is_refused_even_where_none_is_needed_but_a_bad_cookie_is_not()
    {
        await using var server = Start();
        using var header = await server.SendAsync("GET", "/events?channel=news", ("Authorization", "Bearer bad"));
        await PublishTokens.ExpectAsync(header, 401, "invalid_token");
        using var query = await server.SendAsync("GET", "/events?channel=news&token=bad");
        await PublishTokens.ExpectAsync(query, 401, "invalid_token");
        using var cookie = await server.SendAsync("GET", "/events?channel=news", ("Cookie", "sse_token=bad"));
        Assert.That((int)cookie.StatusCode, Is.EqualTo(200));
        using var needed = await server.SendAsync("GET", "/events?channel=user/7", ("Cookie", "sse_token=bad"));
        await PublishTokens.ExpectAsync(needed, 401, "invalid_token");
    }

    [Test]
    public async Task The_right_to_publish_is_none_to_listen()
    {
        await using var server = Start(o => o with { PublishToken = "plain" });
        using var plain = await server.SendAsync("GET", "/events?channel=user/7", ("Authorization", "Bearer plain"));
        await PublishTokens.ExpectAsync(plain, 403, "insufficient_scope");
        using var web = await server.SendAsync("GET", "/events?channel=user/7", ("Authorization", "Bearer " + Jwt.For(publish: ["*"])));
        await PublishTokens.ExpectAsync(web, 403, "insufficient_scope");
    }

    [Test]
    public async Task A_pattern_gets_only_what_the_token_covers_live_and_caught_up()
    {
        await using var server = Start();
        var token = Jwt.For(subscribe: ["user/7", "user/7/*"]);
        var first = await PublishAsync(server, "user/7");
        await PublishAsync(server, "user/8");
        var second = await PublishAsync(server, "user/7/inbox");
        await using var client = await server.SubscribeAsync("?channel=user/*&lastEventId=earliest&token=" + token);
        Assert.That((await client.NextAsync()).EventId, Is.EqualTo(first));
        Assert.That((await client.NextAsync()).EventId, Is.EqualTo(second));
        await PublishAsync(server, "user/77");
        await PublishAsync(server, "user/8");
        var third = await PublishAsync(server, "user/7");
        Assert.That((await client.NextAsync()).EventId, Is.EqualTo(third));
    }

    [Test]
    public async Task A_pattern_that_is_private_in_part_gets_the_rest_without_a_token()
    {
        await using var server = TestServer.Start(o => o with { JwtKey = SignedTokens.Key(Jwt.Secret), PublishToken = "plain", Private = ["a/b/*", "a/secret"] });
        await using var client = await server.SubscribeAsync("?channel=a/*");
        await PublishAsync(server, "a/b/c");
        await PublishAsync(server, "a/secret");
        var open = await PublishAsync(server, "a/open");
        Assert.That((await client.NextAsync()).EventId, Is.EqualTo(open));
    }

    [Test]
    public async Task An_id_of_a_channel_that_one_may_not_hear_is_as_unknown_as_any()
    {
        await using var server = Start();
        var secret = await PublishAsync(server, "user/8");
        var news = await PublishAsync(server, "news");
        await using var client = await server.SubscribeAsync("?channel=news&token=" + Jwt.For(subscribe: _user7), secret);
        Assert.That((await client.NextAsync()).EventType, Is.EqualTo("gap"));
        Assert.That((await client.NextAsync()).EventId, Is.EqualTo(news));
        await using var without = await server.SubscribeAsync("?channel=news", secret);
        Assert.That((await without.NextAsync()).EventType, Is.EqualTo("gap"));
    }

    [Test]
    public async Task All_channels_can_be_private()
    {
        await using var server = Start(o => o with { Private = ["*"] });
        using var refused = await server.SendAsync("GET", "/events");
        await PublishTokens.ExpectAsync(refused, 401, null);
        await using var client = await server.SubscribeAsync("?token=" + Jwt.For(subscribe: ["default"]));
    }

    private static TestServer Start(Func<ServerOptions, ServerOptions>? change = null) => TestServer.Start(o =>
    {
        var options = o with { JwtKey = SignedTokens.Key(Jwt.Secret), Private = ["user/*"] };
        return change?.Invoke(options) ?? options;
    });

    private static async Task<string> PublishAsync(TestServer server, string channel)
    {
        using var answer = await server.SendAsync("POST", "/events?channel=" + channel, ("Authorization", "Bearer " + Jwt.For(publish: ["*"])));
        var body = await answer.Content.ReadAsStringAsync();
        Assert.That((int)answer.StatusCode, Is.EqualTo(200), body);
        return body["{\"id\":\"".Length..^2];
    }
}
