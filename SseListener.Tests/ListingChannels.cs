using System.Text.Json;
using SseListener.Access;
using SseListener.Http;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>What <c>GET /channels</c> lists, and for whom.</summary>
public sealed class ListingChannels
{
    // A proxy of this machine brings requests from elsewhere, and says so.
    private static readonly (string, string) _fromElsewhere = ("X-Forwarded-For", "203.0.113.7");

    [Test]
    public async Task It_lists_what_is_kept_and_what_somebody_listens_to_in_order()
    {
        await using var server = TestServer.Start();
        await server.PublishAsync("""{"data":1}""", "b");
        await server.PublishAsync("""{"data":1}""", "a/2");
        await using (await server.SubscribeAsync("?channel=a/1&channel=B&channel=c/*"))
        {
            Assert.That(await ListAsync(server, ""), Is.EqualTo((string[])["B", "a/1", "a/2", "b"]));
            Assert.That(await ListAsync(server, "?prefix=a/"), Is.EqualTo((string[])["a/1", "a/2"]));
            Assert.That(await ListAsync(server, "?prefix=a"), Is.EqualTo((string[])["a/1", "a/2"]));
            Assert.That(await ListAsync(server, "?prefix=a/1"), Is.EqualTo((string[])["a/1"]));
            Assert.That(await ListAsync(server, "?prefix=&after=a/1"), Is.EqualTo((string[])["a/2", "b"]));
            Assert.That(await ListAsync(server, "?prefix=a/&after=A"), Is.EqualTo((string[])["a/1", "a/2"]));
            Assert.That(await ListAsync(server, "?prefix=a/&after=b"), Is.Empty);
        }

        await Wait.UntilAsync(async () => (await ListAsync(server, "")).SequenceEqual(["a/2", "b"]), "a channel is still there");
    }

    [TestCase(199)]
    [TestCase(200)]
    [TestCase(201)]
    [TestCase(601)]
    public async Task A_long_list_comes_in_parts(int channels)
    {
        await using var server = TestServer.Start();
        var names = Enumerable.Range(0, channels).Select(i => $"c/{i:D4}").ToArray();
        foreach (var name in names)
            await server.PublishAsync("""{"data":1}""", name);

        var (found, query) = (new List<string>(), "/channels?prefix=c/");
        for (var next = ""; next is not null;)
        {
            using var answer = await server.SendAsync("GET", query + next);
            using var list = JsonDocument.Parse(await answer.Content.ReadAsStringAsync());
            var part = list.RootElement.GetProperty("channels").EnumerateArray().Select(name => name.GetString()!).ToList();
            Assert.That(part, Has.Count.InRange(1, 200));
            found.AddRange(part);
            next = list.RootElement.TryGetProperty("next", out var last) ? $"&after={last.GetString()}" : null;
        }

        Assert.That(found, Is.EqualTo(names));
    }

    [Test]
    public async Task Its_bytes_are_these_and_HEAD_has_its_head()
    {
        await using var server = TestServer.Start();
        await server.PublishAsync("""{"data":1}""", "a");
        using var answer = await server.SendAsync("GET", "/channels?_=1");
        Assert.That(await answer.Content.ReadAsStringAsync(), Is.EqualTo("""{"channels":["a"]}"""));
        Assert.That(answer.Content.Headers.ContentType?.ToString(), Is.EqualTo("application/json"));
        using var head = await server.SendAsync("HEAD", "/channels");
        Assert.That(head.Content.Headers.ContentLength, Is.EqualTo(answer.Content.Headers.ContentLength));
    }

    [TestCase("?prefix=orders/*", "prefix is what names begin with, such as orders/")]
    [TestCase("?after=%20", "after is the last name of the list before")]
    [TestCase("?prefix=a&prefix=b", "The parameter \"prefix\" may be given once only.")]
    [TestCase("?prefx=a", "Did you mean \"prefix\"? Those there are: prefix, after, token.")]
    [TestCase("?channel=a", "The parameter \"channel\" is unknown here. Those there are: prefix, after, token.")]
    public async Task What_makes_no_sense_is_refused(string query, string detail)
    {
        await using var server = TestServer.Start();
        using var answer = await server.SendAsync("GET", "/channels" + query);
        await Problem.ExpectAsync(answer, 400, detail);
    }

    [TestCase("/events?prefix=a", "It is a parameter of GET /channels only.")]
    [TestCase("/channels/a?after=a", "It is a parameter of GET /channels only.")]
    public async Task Its_parameters_are_of_no_other_place(string path, string detail)
    {
        await using var server = TestServer.Start();
        using var answer = await server.SendAsync("GET", path);
        await Problem.ExpectAsync(answer, 400, detail);
    }

    [TestCase(null, "a/1 open")]
    [TestCase("user/7", "a/1 open user/7")]
    [TestCase("user/*", "a/1 open user/7 user/8")]
    [TestCase("*", "a/1 open user/7 user/8")]
    public async Task A_private_channel_that_may_not_be_heard_is_not_listed(string? right, string listed)
    {
        await using var server = await StartAsync();
        var token = right is null ? "" : "?token=" + Jwt.For(subscribe: [right]);
        Assert.That(await ListAsync(server, token), Is.EqualTo(listed.Split(' ')));
        Assert.That(await ListAsync(server, $"{token}{(right is null ? "?" : "&")}prefix=user/"), Is.EqualTo(listed.Split(' ')[2..]));
    }

    // Names that nobody was told are a secret of a kind: there is no pattern for all channels either.
    [TestCase("", null, "")]
    [TestCase("?prefix=a/", null, "a/1")]
    [TestCase("?prefix=a", null, "")]
    [TestCase("?prefix=a/1", null, "")]
    [TestCase("", "user/7", "user/7")]
    [TestCase("", "open", "open")]
    [TestCase("", "*", "a/1 open user/7 user/8")]
    [TestCase("?prefix=user/", "a/1", "")]
    public async Task From_elsewhere_one_needs_a_prefix_with_a_slash_or_a_token_that_covers_the_names(string query, string? right, string listed)
    {
        await using var server = await StartAsync();
        var token = right is null ? "" : "Bearer " + Jwt.For(subscribe: [right]);
        Assert.That(string.Join(' ', await ListAsync(server, query, _fromElsewhere, ("Authorization", token))), Is.EqualTo(listed));
    }

    [Test]
    public async Task Who_may_publish_may_see_all_that_is_open()
    {
        await using var server = await StartAsync(o => o with { PublishToken = "plain" });
        Assert.That(await ListAsync(server, "", _fromElsewhere, ("Authorization", "Bearer plain")), Is.EqualTo((string[])["a/1", "open"]));
    }

    [TestCase("Authorization", "Bearer bad", 401)]
    [TestCase("Cookie", "sse_token=bad", 200)]
    public async Task A_bad_token_is_refused_and_a_bad_cookie_counts_for_nothing(string field, string value, int status)
    {
        await using var server = await StartAsync();
        foreach (var path in (string[])["/channels", "/channels/open"])
        {
            using var answer = await server.SendAsync("GET", path, (field, value));
            Assert.That((int)answer.StatusCode, Is.EqualTo(status), path);
        }
    }

    // Neither the status nor a word of the answer may tell one that is used from one that nobody ever used.
    [TestCase(null)]
    [TestCase("user/9")]
    public async Task A_private_channel_that_may_not_be_heard_is_as_one_that_nobody_ever_used(string? right)
    {
        await using var server = await StartAsync();
        await using var there = await server.SubscribeAsync("?channel=user/7&token=" + Jwt.For(subscribe: ["user/7"]));
        (string, string)[] fields = right is null ? [] : [("Authorization", "Bearer " + Jwt.For(subscribe: [right]))];
        var unused = await AnswerAsync(server, "/channels/user/1", fields);
        Assert.That(unused, Does.StartWith("404 "));
        foreach (var name in (string[])["user/7", "user/8", "nobody", "user/9"])
            Assert.That(await AnswerAsync(server, "/channels/" + name, fields), Is.EqualTo(unused), name);

        await ChannelAnswer.OfAsync(server, "user/7", Jwt.For(subscribe: ["user/7"]));
    }

    [TestCase("user/7", "user/1", "user/7")]
    [TestCase("user/7", "user/8", null)]
    [TestCase("user/*", "a", "user/")]
    [TestCase("", "a", null)]
    public void Behind_a_name_that_is_not_listed_the_next_right_may_be(string right, string name, string? next) =>
        Assert.That(new ListableChannels(right.Length == 0 ? [] : [right], [], isOpen: false).Behind(name), Is.EqualTo(next));

    [TestCase("", "s/1", "s/\uffff")]
    [TestCase("s/7", "s/1", "s/7")]
    [TestCase("s/7", "s/8", "s/\uffff")]
    [TestCase("", "one", "one\0")]
    public void Behind_a_private_name_all_that_is_private_with_it_is_passed_over(string right, string name, string next) =>
        Assert.That(new ListableChannels(right.Length == 0 ? [] : [right], ["s/*", "one"], isOpen: true).Behind(name), Is.EqualTo(next));

    [Test]
    public async Task The_names_that_are_passed_over_do_not_show_in_the_parts()
    {
        await using var server = TestServer.Start(o => o with { JwtKey = SignedTokens.Key(Jwt.Secret), Private = ["c/secret/*"] });
        foreach (var name in Enumerable.Range(0, 600).Select(i => $"c/secret/{i}").Append("c/z").Append("c/a"))
            await PublishAsync(server, name);

        Assert.That(await ListAsync(server, "?prefix=c/"), Is.EqualTo((string[])["c/a", "c/z"]));
        Assert.That(await ListAsync(server, "?prefix=c/secret/"), Is.Empty);
    }

    private static async Task<TestServer> StartAsync(Func<ServerOptions, ServerOptions>? change = null)
    {
        var server = TestServer.Start(o =>
        {
            var options = o with { JwtKey = SignedTokens.Key(Jwt.Secret), Private = ["user/*"] };
            return change?.Invoke(options) ?? options;
        });
        foreach (var channel in (string[])["open", "a/1", "user/7", "user/8"])
            await PublishAsync(server, channel);

        return server;
    }

    private static async Task PublishAsync(TestServer server, string channel)
    {
        using var answer = await server.SendAsync("POST", "/events?channel=" + channel, ("Authorization", "Bearer " + Jwt.For(publish: ["*"])));
        Assert.That((int)answer.StatusCode, Is.EqualTo(200));
    }

    private static async Task<string[]> ListAsync(TestServer server, string query, params (string Name, string Value)[] fields)
    {
        using var answer = await server.SendAsync("GET", "/channels" + query, [.. fields.Where(field => field.Value.Length > 0)]);
        var text = await answer.Content.ReadAsStringAsync();
        Assert.That((int)answer.StatusCode, Is.EqualTo(200), text);
        using var list = JsonDocument.Parse(text);
        return [.. list.RootElement.GetProperty("channels").EnumerateArray().Select(name => name.GetString()!)];
    }

    private static async Task<string> AnswerAsync(TestServer server, string path, (string, string)[] fields)
    {
        using var answer = await server.SendAsync("GET", path, fields);
        var heads = answer.Headers.Concat(answer.Content.Headers).Where(field => field.Key != "Date").Select(field => $"{field.Key}: {string.Join(',', field.Value)}");
        return $"{(int)answer.StatusCode} {string.Join('\n', heads)} {await answer.Content.ReadAsStringAsync()}";
    }
}
