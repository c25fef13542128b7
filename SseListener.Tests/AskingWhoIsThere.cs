using SseListener.Http;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>What <c>GET /channels/NAME</c> tells, and that joins and leaves go on from there.</summary>
public sealed class AskingWhoIsThere
{
    [Test]
    public async Task It_tells_who_is_there_and_what_is_kept()
    {
        await using var server = TestServer.Start();
        await using var first = await server.SubscribeAsync("?channel=room");
        await using var second = await server.SubscribeAsync("?channel=room&channel=other");
        await server.PublishAsync("""{"data":1,"id":"a"}""", "room");
        await server.PublishAsync("""{"data":22,"id":"b"}""", "room");
        await server.PublishAsync("""{"data":1}""", "other");
        var answer = await ChannelAnswer.OfAsync(server, "room");
        Assert.That((answer.Clients, answer.Users), Is.EqualTo((2, 0)));
        Assert.That(answer.Members, Is.EquivalentTo((string[])[first.ClientId, second.ClientId]));
        Assert.That((answer.Events, answer.Bytes), Is.EqualTo((2, "data: 1\nid: a\n\ndata: 22\nid: b\n\n".Length)));
    }

    [Test]
    public async Task Its_bytes_are_these()
    {
        await using var server = TestServer.Start(WithTokens);
        await using var client = await server.SubscribeAsync("?channel=room&token=" + Jwt.For(user: "an\"n"));
        using var answer = await server.SendAsync("GET", "/channels/room");
        Assert.That(answer.Content.Headers.ContentType?.ToString(), Is.EqualTo("application/json"));
        Assert.That(answer.Headers.CacheControl?.NoStore, Is.True);
        Assert.That(await answer.Content.ReadAsStringAsync(), Does.Match(
            $$"""^\{"channel":"room","clients":1,"users":1,"members":\[\{"client":"{{client.ClientId}}","user":"an\\"n"\}\],"events":0,"bytes":0,"position":"@[A-Za-z0-9_-]{22}"\}$"""));
        using var head = await server.SendAsync("HEAD", "/channels/room");
        Assert.That(head.Content.Headers.ContentLength, Is.EqualTo(answer.Content.Headers.ContentLength));
        Assert.That(await head.Content.ReadAsByteArrayAsync(), Is.Empty);
    }

    [Test]
    public async Task Joins_and_leaves_name_the_user_that_the_token_names()
    {
        await using var server = TestServer.Start(WithTokens);
        await using var watcher = await server.SubscribeAsync("?channel=room");
        var client = await server.SubscribeAsync("?channel=room&token=" + Jwt.For(user: "ann"));
        Assert.That((await watcher.NextAsync()).Data, Is.EqualTo($$"""{"joined":"{{client.ClientId}}","user":"ann","clients":2}"""));
        await client.DisposeAsync();
        Assert.That((await watcher.NextAsync()).Data, Is.EqualTo($$"""{"left":"{{client.ClientId}}","user":"ann","clients":1}"""));
    }

    [TestCase("""{"sub":"ann"}""", "ann")]
    [TestCase("""{"sub":""}""", null)]
    [TestCase("""{"sub":7}""", null)]
    [TestCase("""{"sub":null}""", null)]
    [TestCase("""{}""", null)]
    [TestCase("""{"sub":"128"}""", "128")]
    [TestCase("""{"sub":"129"}""", null)]
    public async Task A_user_is_a_short_text_and_a_token_without_one_is_good_all_the_same(string claims, string? user)
    {
        await using var server = TestServer.Start(WithTokens);
        string? Sized(string? text) => text?.Replace("128", new string('é', 64), StringComparison.Ordinal).Replace("129", new string('é', 64) + "x", StringComparison.Ordinal);
        await using var client = await server.SubscribeAsync("?channel=room&token=" + Jwt.Hs256(Sized(claims)!));
        var answer = await ChannelAnswer.OfAsync(server, "room");
        Assert.That(answer.Members, Is.EqualTo((string[])[user is null ? client.ClientId : $"{client.ClientId} {Sized(user)}"]));
        Assert.That(answer.Users, Is.EqualTo(user is null ? 0 : 1));
    }

    [Test]
    public async Task A_user_with_several_clients_is_one_until_the_last_of_them_has_gone()
    {
        await using var server = TestServer.Start(WithTokens);
        await using var ann = await server.SubscribeAsync("?channel=room&token=" + Jwt.For(user: "ann"));
        await using var again = await server.SubscribeAsync("?channel=room&channel=other&token=" + Jwt.For(user: "ann"));
        await using var bob = await server.SubscribeAsync("?channel=room&token=" + Jwt.For(user: "bob"));
        var all = await ChannelAnswer.OfAsync(server, "room");
        Assert.That((all.Clients, all.Users), Is.EqualTo((3, 2)));
        await again.DisposeAsync();
        await ChannelAnswer.WhenAsync(server, "room", answer => (answer.Clients, answer.Users) == (2, 2));
        await ann.DisposeAsync();
        await ChannelAnswer.WhenAsync(server, "room", answer => (answer.Clients, answer.Users) == (1, 1));
    }

    [Test]
    public async Task Cookies_of_two_users_are_of_nobody_known()
    {
        await using var server = TestServer.Start(WithTokens);
        using var one = await server.SendAsync("GET", "/events?channel=room", ("Cookie", $"sse_token={Jwt.For(user: "ann")}; sse_token={Jwt.For(user: "bob")}"));
        using var other = await server.SendAsync("GET", "/events?channel=room", ("Cookie", $"sse_token={Jwt.For(user: "cid")}; sse_token={Jwt.For(subscribe: ["a"], user: "cid")}"));
        var both = await ChannelAnswer.WhenAsync(server, "room", answer => answer.Clients == 2);
        Assert.That(both.Users, Is.EqualTo(1));
        Assert.That(both.Members!.Count(member => member.EndsWith(" cid", StringComparison.Ordinal)), Is.EqualTo(1));
    }

    [Test]
    public async Task A_client_of_more_than_ten_channels_or_of_a_pattern_is_not_named()
    {
        await using var server = TestServer.Start();
        await using var many = await server.SubscribeAsync("?channel=room/1&" + string.Join('&', Enumerable.Range(1, 10).Select(i => $"channel=c{i}")));
        await using var pattern = await server.SubscribeAsync("?channel=room/*");
        var answer = await ChannelAnswer.OfAsync(server, "room/1");
        Assert.That(answer.Clients, Is.EqualTo(1), "as in join and leave");
        Assert.That(answer.Members, Is.Empty);
    }

    [Test]
    public async Task Of_more_clients_than_the_limit_only_so_many_are_named()
    {
        await using var server = TestServer.Start(o => o with { PresenceLimit = 2 });
        await using var first = await server.SubscribeAsync("?channel=room");
        await using var second = await server.SubscribeAsync("?channel=room");
        Assert.That((await ChannelAnswer.OfAsync(server, "room")).Members, Has.Length.EqualTo(2));
        await using var third = await server.SubscribeAsync("?channel=room");
        var answer = await ChannelAnswer.OfAsync(server, "room");
        Assert.That((answer.Clients, answer.Members!.Length), Is.EqualTo((3, 2)));
    }

    [Test]
    public async Task Where_presence_is_off_nobody_is_told_who_is_there_nor_how_many()
    {
        await using var server = TestServer.Start(o => o with { PresenceLimit = 0 });
        await using var client = await server.SubscribeAsync("?channel=room");
        await server.PublishAsync("""{"data":1}""", "room");
        var answer = await ChannelAnswer.OfAsync(server, "room");
        Assert.That((answer.Clients, answer.Users, answer.Members), Is.EqualTo(((int?)null, (int?)null, (string[]?)null)));
        Assert.That(answer.Events, Is.EqualTo(1));
    }

    [TestCase("llm/42")]
    [TestCase("llm%2F42")]
    [TestCase("llm%2f42")]
    [TestCase("%6clm/42")]
    public async Task A_name_may_have_slashes_as_they_are_or_escaped(string path)
    {
        await using var server = TestServer.Start();
        await server.PublishAsync("""{"data":1}""", "llm/42");
        Assert.That((await ChannelAnswer.OfAsync(server, path)).Events, Is.EqualTo(1));
    }

    // HttpClient would fold the dots.
    [TestCase("a/../b")]
    [TestCase("//a")]
    [TestCase("http://a/b")]
    public async Task No_name_is_taken_for_a_path(string name)
    {
        await using var server = TestServer.Start();
        await server.PublishAsync("""{"data":1}""", name);
        var answer = await RawRequest.ExchangeAsync(server.Port, RawRequest.Head(server.Port, "GET /channels/" + name, "Connection: close"));
        Assert.That(answer, Does.StartWith("HTTP/1.1 200 OK\r\n").And.Contain($"\"channel\":\"{name}\""));
    }

    [TestCase("/channels/", 400, "A channel's name has 1 to 200 characters")]
    [TestCase("/channels/a%20b", 400, "A channel's name has 1 to 200 characters")]
    [TestCase("/channels/a+b", 400, "A channel's name has 1 to 200 characters")]
    [TestCase("/channels/a%252Fb", 400, "A channel's name has 1 to 200 characters")]
    [TestCase("/channels/orders/*", 400, "GET /channels?prefix=orders/ lists channels.")]
    [TestCase("/channels/a?channel=b", 400, "The parameter \"channel\" is unknown here. Those there are: token.")]
    [TestCase("/channels/a?tokn=b", 400, "Did you mean \"token\"?")]
    [TestCase("/channels/a?token=b&token=b", 400, "The parameter \"token\" may be given once only.")]
    [TestCase("/channels/nobody", 404, "There is no channel with this name.")]
    public async Task What_cannot_be_answered_is_refused(string path, int status, string detail)
    {
        await using var server = TestServer.Start();
        using var answer = await server.SendAsync("GET", path);
        await Problem.ExpectAsync(answer, status, detail);
        using var head = await server.SendAsync("HEAD", path);
        Assert.That((int)head.StatusCode, Is.EqualTo(status));
        Assert.That(await head.Content.ReadAsByteArrayAsync(), Is.Empty);
    }

    [TestCase("POST", "/channels/room")]
    [TestCase("PUT", "/channels/room")]
    [TestCase("POST", "/channels")]
    [TestCase("DELETE", "/channels")]
    public async Task Other_methods_are_refused(string method, string path)
    {
        await using var server = TestServer.Start();
        using var answer = await server.SendAsync(method, path);
        await Problem.ExpectAsync(answer, 405, "This resource answers to GET, HEAD");
        Assert.That(answer.Content.Headers.Allow, Is.SupersetOf((string[])["GET", "HEAD"]));
    }

    [Test]
    public async Task A_channel_that_is_forgotten_is_not_there_any_more()
    {
        await using var server = TestServer.Start();
        await using (await server.SubscribeAsync("?channel=room"))
        {
            Assert.That((await ChannelAnswer.OfAsync(server, "room")).Clients, Is.EqualTo(1));
        }

        await Wait.UntilAsync(async () =>
        {
            using var answer = await server.SendAsync("GET", "/channels/room");
            return (int)answer.StatusCode == 404;
        }, "it is still there");
    }

    [Test]
    public async Task What_is_dropped_of_a_channel_is_not_counted()
    {
        await using var server = TestServer.Start(o => o with { History = 2000 });
        for (var i = 0; i < 300; i++)
            await server.PublishAsync($$"""{"data":{{i}}}""", i % 2 == 0 ? "room" : "other");

        var (room, other) = (await ChannelAnswer.OfAsync(server, "room"), await ChannelAnswer.OfAsync(server, "other"));
        Assert.That(room.Events + other.Events, Is.EqualTo(await server.MetricAsync("sse_history_events")));
        Assert.That(room.Bytes + other.Bytes, Is.EqualTo(await server.MetricAsync("sse_history_bytes")));
        Assert.That(room.Events, Is.GreaterThan(10));
    }

    private static ServerOptions WithTokens(ServerOptions options) => options with { JwtKey = SignedTokens.Key(Jwt.Secret) };
}
