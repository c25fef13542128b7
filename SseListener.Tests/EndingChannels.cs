using System.Net;
using System.Text.Json;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>Channels that end: their readers get all of it and the end, and need not come again.</summary>
public sealed class EndingChannels
{
    private const string End = """{"ended":"llm/1"}""";

    [TestCase("text/plain", "3", """{"id":"ID","ended":true}""")]
    [TestCase("text/plain", "", """{"ended":true}""")]
    [TestCase("application/json", """{"data":3}""", """{"id":"ID","ended":true}""")]
    [TestCase("application/x-ndjson", "{\"data\":3}\n{\"data\":4}", """{"ids":["ID","ID"],"ended":true}""")]
    public async Task A_reader_gets_what_is_published_with_the_end_then_the_end_and_a_whole_response(string type, string body, string expected)
    {
        await using var server = TestServer.Start();
        await using var reader = await server.SubscribeAsync("?channel=llm/1");
        await server.PublishAsync("""{"data":1}""", "llm/1");
        using var answer = await server.PostAsync("/events?channel=llm/1&end=1", type, body);
        var text = await answer.Content.ReadAsStringAsync();
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.OK), text);
        var ids = JsonDocument.Parse(text).RootElement.EnumerateObject().SelectMany(member =>
            member.Value.ValueKind is JsonValueKind.String ? [member.Value] : member.Value.ValueKind is JsonValueKind.Array ? member.Value.EnumerateArray().ToArray() : []);
        Assert.That(ids.Aggregate(text, (known, id) => known.Replace(id.GetString()!, "ID", StringComparison.Ordinal)), Is.EqualTo(expected));
        Assert.That(await reader.ReadToEndAsync(), Is.EqualTo((string[])["1", .. body.Length == 0 ? [] : body.Contains('4', StringComparison.Ordinal) ? ["3", "4"] : (string[])["3"], End]));
    }

    [Test]
    public async Task Who_has_all_of_it_and_comes_back_gets_204_and_a_new_reader_what_is_kept()
    {
        await using var server = TestServer.Start();
        await server.PublishAsync("""{"data":1}""", "llm/1");
        await EndAsync(server, "llm/1");
        await using var first = await server.SubscribeAsync("?channel=llm/1");
        var position = first.LastEventId;
        Assert.That(await first.ReadToEndAsync(), Is.EqualTo((string[])["1", End]));
        using var again = await server.SendAsync("GET", "/events?channel=llm/1", ("Last-Event-ID", first.LastEventId));
        Assert.That(again.StatusCode, Is.EqualTo(HttpStatusCode.NoContent));
        Assert.That(again.Headers.CacheControl?.NoStore, Is.True);

        // Whose connection broke behind the greeting, and whose client makes envelopes of it.
        await using var broken = await server.SubscribeAsync("?channel=llm/1", position);
        Assert.That(await broken.ReadToEndAsync(), Is.EqualTo((string[])["1", End]));
        await using var enveloped = await server.SubscribeAsync("?channel=llm/1&envelope=2");
        Assert.That((await enveloped.ReadToEndAsync())[^1], Does.StartWith("""{"channel":"llm/1","type":"end","id":"@end-""").And.EndWith(""","data":{"ended":"llm/1"}}"""));
    }

    [Test]
    public async Task Who_has_all_but_the_end_is_told_of_it()
    {
        await using var server = TestServer.Start();
        var last = await server.PublishAsync("""{"data":1}""", "llm/1");
        await EndAsync(server, "llm/1");
        await using var reader = await server.SubscribeAsync("?channel=llm/1", lastEventId: last);
        Assert.That(await reader.ReadToEndAsync(), Is.EqualTo((string[])[End]));
    }

    [Test]
    public async Task Behind_the_end_only_what_is_repeated_is_good()
    {
        await using var server = TestServer.Start();
        await server.PublishAsync("""{"id":"x","data":1}""", "llm/1");
        await EndAsync(server, "llm/1");
        await EndAsync(server, "llm/1");
        await server.PublishAsync("""{"id":"x","data":1}""", "llm/1");
        (string Query, string Body)[] refused =
        [
            ("", """{"data":2}"""), ("&end=1", """{"data":2}"""), ("", """{"id":"y","data":1}"""), ("", "{\"id\":\"x\",\"data\":1}\n{\"data\":2}"),
        ];
        foreach (var (query, body) in refused)
        {
            using var answer = await server.PostAsync($"/events?channel=llm/1{query}", "application/x-ndjson", body);
            Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.Conflict), body);
            Assert.That(await answer.Content.ReadAsStringAsync(), Does.Contain("The channel llm/1 has ended. Nothing was published."));
        }

        await using var reader = await server.SubscribeAsync("?channel=llm/1");
        Assert.That(await reader.ReadToEndAsync(), Is.EqualTo((string[])["1", End]));
    }

    // Many at once are one batch of the hub.
    [Test]
    public async Task Of_publishes_at_the_moment_of_the_end_those_that_were_answered_come_before_it()
    {
        await using var server = TestServer.Start();
        for (var round = 0; round < 20; round++)
        {
            var channel = $"llm/{round}";
            await using var reader = await server.SubscribeAsync($"?channel={channel}");
            var answers = await Task.WhenAll(Enumerable.Range(0, 40).Select(number => server.PostAsync(
                $"/events?channel={channel}{(number == 20 ? "&end=1" : "")}", "text/plain", $"{number}")));
            var good = answers.Index().Where(answer => answer.Item.StatusCode is HttpStatusCode.OK).Select(answer => $"{answer.Index}");
            Assert.That(answers.Select(answer => answer.StatusCode), Is.All.EqualTo(HttpStatusCode.OK).Or.EqualTo(HttpStatusCode.Conflict));
            var received = await reader.ReadToEndAsync();
            Assert.That(received.SkipLast(1), Is.EquivalentTo(good));
            Assert.That(received.TakeLast(2), Is.EqualTo((string[])["20", $$"""{"ended":"{{channel}}"}"""]));
        }
    }

    [Test]
    public async Task A_client_of_several_goes_on_until_all_have_ended_and_one_with_a_pattern_for_ever()
    {
        await using var server = TestServer.Start(options => options with { PresenceLimit = 0 });
        await using var several = await server.SubscribeAsync("?channel=a&channel=b");
        await using var pattern = await server.SubscribeAsync("?channel=a&channel=b&channel=c/*");
        await EndAsync(server, "a");
        await server.PublishAsync("""{"data":1}""", "b");
        await EndAsync(server, "b");
        Assert.That(await several.ReadToEndAsync(), Is.EqualTo((string[])["""{"ended":"a"}""", "1", """{"ended":"b"}"""]));
        await server.PublishAsync("""{"data":2}""", "c/1");
        await EndAsync(server, "c/1");
        var received = new List<string>();
        while (received.Count < 5)
            received.Add(await pattern.NextAsync() is { EventType: "message" } item ? item.Data : "end");

        Assert.That(received, Is.EqualTo((string[])["end", "1", "end", "2", "end"]));
        await server.PublishAsync("""{"data":3}""", "c/2");
        Assert.That((await pattern.NextAsync()).Data, Is.EqualTo("3"));

        // Of channels that go on a new reader gets what is new, of one that has ended what is kept.
        await using var mixed = await server.SubscribeAsync("?channel=b&channel=d");
        await server.PublishAsync("""{"data":4}""", "d");
        Assert.That(await mixed.NextDataAsync(3), Is.EqualTo((string[])["1", """{"ended":"b"}""", "4"]));
    }

    [Test]
    public async Task A_client_of_others_too_gets_a_place_for_the_end_that_holds_when_its_history_has_gone()
    {
        await using var server = TestServer.Start(o => o with { HistoryAge = TimeSpan.FromSeconds(1) });
        await using var first = await server.SubscribeAsync("?channel=llm/1&channel=other");
        await EndAsync(server, "llm/1");
        Assert.That((await first.NextAsync()).EventType, Is.EqualTo("end"));
        await using var again = await server.SubscribeAsync("?channel=llm/1&channel=other", first.LastEventId);
        var place = again.LastEventId;
        await Wait.UntilAsync(async () => await server.MetricAsync("sse_history_events") == 0, "the end is still kept");
        await using var back = await server.SubscribeAsync("?channel=llm/1&channel=other", place);
        await server.PublishAsync("""{"data":1}""", "other");
        Assert.That((await back.NextAsync()).Data, Is.EqualTo("1"));
    }

    [Test]
    public async Task An_end_survives_a_restart()
    {
        using var folder = new TempFolder();
        string last;
        await using (var server = TestServer.Start(options => options with { Data = folder.Path }))
        {
            await server.PublishAsync("""{"data":1}""", "llm/1");
            await EndAsync(server, "llm/1");
            await using var reader = await server.SubscribeAsync("?channel=llm/1");
            await reader.ReadToEndAsync();
            last = reader.LastEventId;
        }

        await using var again = TestServer.Start(options => options with { Data = folder.Path });
        using var back = await again.SendAsync("GET", "/events?channel=llm/1", ("Last-Event-ID", last));
        Assert.That(back.StatusCode, Is.EqualTo(HttpStatusCode.NoContent));
        using var late = await again.PostAsync("/events?channel=llm/1", "text/plain", "2");
        Assert.That(late.StatusCode, Is.EqualTo(HttpStatusCode.Conflict));
        await using var newcomer = await again.SubscribeAsync("?channel=llm/1");
        Assert.That(await newcomer.ReadToEndAsync(), Is.EqualTo((string[])["1", End]));
    }

    // It had given way to another one, which no journal says, and the name was free again.
    [Test]
    public async Task A_name_that_was_used_again_is_no_ended_channel_after_a_restart()
    {
        using var folder = new TempFolder();
        await using (var server = TestServer.Start(options => options with { Data = folder.Path, MaxChannels = 1 }))
        {
            await server.PublishAsync("""{"data":1}""", "a");
            await EndAsync(server, "a");
            await server.PublishAsync("""{"data":2}""", "other");
            await server.PublishAsync("""{"data":3}""", "a");
        }

        await using var again = TestServer.Start(options => options with { Data = folder.Path, MaxChannels = 1 });
        await using var reader = await again.SubscribeAsync("?channel=a", "earliest");
        await again.PublishAsync("""{"data":4}""", "a");
        Assert.That(await reader.NextDataAsync(2), Is.EqualTo((string[])["3", "4"]));
    }

    [Test]
    public async Task An_end_goes_with_its_history_though_somebody_listens()
    {
        await using var server = TestServer.Start(options => options with { HistoryAge = TimeSpan.FromSeconds(3), PresenceLimit = 0 });
        await using var both = await server.SubscribeAsync("?channel=a&channel=b");
        await EndAsync(server, "a");
        Assert.That((await both.NextAsync()).EventType, Is.EqualTo("end"));
        await Wait.UntilAsync(async () =>
        {
            using var answer = await server.PostAsync("/events?channel=a", "text/plain", "new");
            return answer.StatusCode is HttpStatusCode.OK;
        }, "the name is not free again");
        Assert.That((await both.NextAsync()).Data, Is.EqualTo("new"));
    }

    [Test]
    public async Task Channels_that_have_ended_are_the_first_to_give_way()
    {
        await using var server = TestServer.Start(options => options with { MaxChannels = 3 });
        await server.PublishAsync("""{"data":1}""", "oldest");
        await server.PublishAsync("""{"data":1}""", "ended");
        await server.PublishAsync("""{"data":1}""", "newest");
        await EndAsync(server, "ended");
        await server.PublishAsync("""{"data":1}""", "another");
        using var kept = await server.SendAsync(
            "GET", "/events?channel=oldest&channel=newest&channel=another&channel=ended", ("Accept", "application/json"));
        var channels = JsonDocument.Parse(await kept.Content.ReadAsStringAsync()).RootElement.GetProperty("events").EnumerateArray()
            .Select(sseEvent => sseEvent.GetProperty("channel").GetString());
        Assert.That(channels, Is.EqualTo((string[])["oldest", "newest", "another"]));
    }

    // More than a connection takes at once: the end comes when the rest has been sent.
    [Test]
    public async Task A_slow_reader_gets_the_rest_before_the_end()
    {
        await using var server = TestServer.Start();
        using var reader = new RawRequest(server.Port);
        await reader.SendAsync(RawRequest.Head(server.Port, "GET /events?channel=llm/1"));
        await reader.ReadUntilAsync("hello");
        for (var i = 0; i < 20; i++)
        {
            using var published = await server.PostAsync("/events?channel=llm/1", "text/plain", new string((char)('a' + i), 900_000));
            Assert.That(published.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        }

        await EndAsync(server, "llm/1");
        var rest = await reader.ReadToEndAsync();
        Assert.That(rest, Does.Contain("data: {\"ended\":\"llm/1\"}").And.EndWith("\r\n0\r\n\r\n"));
        Assert.That(Enumerable.Range('a', 20).Select(letter => rest.Count(c => c == letter)), Is.All.GreaterThanOrEqualTo(900_000));
    }

    [TestCase("POST", "/events?end=2", 400)]
    [TestCase("POST", "/events?end=1&end=1", 400)]
    [TestCase("POST", "/events?channel=a/*&end=1", 400)]
    [TestCase("GET", "/events?end=1", 400)]
    public async Task What_cannot_be_an_end_is_refused(string method, string path, int status)
    {
        await using var server = TestServer.Start();
        using var answer = await server.SendAsync(method, path);
        Assert.That((int)answer.StatusCode, Is.EqualTo(status));
    }

    [Test]
    public async Task An_end_without_an_event_has_no_type_id_or_retry([Values("type", "id", "retry")] string name, [Values] bool isChunked)
    {
        await using var server = TestServer.Start();
        using var content = new ByteArrayContent([]);
        content.Headers.ContentType = new("text/plain");
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/events?channel=llm/1&end=1&{name}=1") { Content = content };
        request.Headers.TransferEncodingChunked = isChunked;
        using var answer = await server.Http.SendAsync(request);
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
        await server.PublishAsync("""{"data":"it goes on"}""", "llm/1");
    }

    [Test]
    public async Task Only_who_may_publish_to_a_channel_may_end_or_forget_it()
    {
        await using var server = TestServer.Start(options => options with { JwtKey = SignedTokens.Key(Jwt.Secret) });
        var token = ("Authorization", "Bearer " + Jwt.For(publish: ["mine"]));
        foreach (var (channel, status) in ((string, int)[])[("mine", 200), ("other", 403)])
        {
            using var ended = await server.SendAsync("POST", $"/events?channel={channel}&end=1", token);
            Assert.That((int)ended.StatusCode, Is.EqualTo(status));
            using var forgotten = await server.SendAsync("DELETE", $"/channels/{channel}", token);
            Assert.That((int)forgotten.StatusCode, Is.EqualTo(status == 200 ? 204 : 403));
        }

        using var without = await server.SendAsync("DELETE", "/channels/mine");
        Assert.That((int)without.StatusCode, Is.EqualTo(401));
    }

    private static async Task EndAsync(TestServer server, string channel)
    {
        using var answer = await server.Http.PostAsync(new Uri($"/events?channel={channel}&end=1", UriKind.Relative), content: null);
        Assert.That(await answer.Content.ReadAsStringAsync(), Is.EqualTo("""{"ended":true}"""));
    }
}
