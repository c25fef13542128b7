using System.Net;
using System.Text;
using SseListener.Events;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>What is published as JSON or as text, and what of it a subscriber receives.</summary>
public sealed class Publishing
{
    [TestCase("/events")]
    [TestCase("/generate")]
    [TestCase("/events?channel=default")]
    public async Task An_event_reaches_every_subscriber(string path)
    {
        await using var server = TestServer.Start(options => options with { PresenceLimit = 0 });
        await using var one = await server.SubscribeAsync();
        await using var other = await server.SubscribeAsync();
        using var answer = await server.PostAsync(path, "application/json", """{"type":"alert","data":{"nested":"here"}}""");
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        foreach (var subscriber in new[] { one, other })
        {
            var next = await subscriber.NextAsync();
            Assert.That((next.EventType, next.Data), Is.EqualTo(("alert", """{"nested":"here"}""")));
        }
    }

    [Test]
    public async Task A_subscriber_receives_exactly_these_bytes()
    {
        await using var server = TestServer.Start(options => options with { Retry = TimeSpan.FromMilliseconds(3) });
        using var raw = new RawRequest(server.Port);
        await raw.SendAsync(RawRequest.Head(server.Port, "GET /events"));
        await raw.ReadUntilAsync("retry: 3\nid: @");
        var chosen = await server.PublishAsync("""{"data":{"nested":"here"},"type":"alert"}""");
        await server.PublishAsync("""{"id":"é7","retry":10000,"type":"größer","data":"😀"}""");
        using var answer = await server.PostAsync("/events?type=note&id=last&retry=0", "text/plain", "one\r\n two\n\n");

        await raw.ReadUntilAsync("id: last\n\n\r\n");
        var client = server.Server.Clients.Keys.Single();
        var position = raw.Body.Split("id: ")[1].Split('\n')[0];
        Assert.That(raw.Body, Is.EqualTo(AsBytes(
            $"event: hello\ndata: {{\"client\":\"{client}\",\"channels\":[\"default\"]}}\nretry: 3\nid: {position}\n\n"
            + $"event: alert\ndata: {{\"nested\":\"here\"}}\nid: {chosen}\n\n"
            + "event: größer\ndata: \"😀\"\nretry: 10000\nid: é7\n\n"
            + "event: note\ndata: one\ndata:  two\ndata: \ndata: \nretry: 0\nid: last\n\n")));
    }

    [Test]
    public async Task A_text_in_place_of_data_arrives_as_text()
    {
        await using var server = TestServer.Start();
        await using var subscriber = await server.SubscribeAsync();
        await server.PublishAsync("""{"text":" \"a\"\n\u00e9","type":"note"}""");
        await server.PublishAsync("""{"text":""}""");
        var next = await subscriber.NextAsync();
        Assert.That((next.EventType, next.Data), Is.EqualTo(("note", " \"a\"\né")));
        Assert.That((await subscriber.NextAsync()).Data, Is.Empty);
    }

    [TestCase("""{"nested":"here"}""", """{"nested":"here"}""")]
    [TestCase("\"text\"", "\"text\"")]
    [TestCase("\"\"", "\"\"")]
    [TestCase("0", "0")]
    [TestCase("null", "null")]
    [TestCase("false", "false")]
    [TestCase("{}", "{}")]
    [TestCase("[ ]", "[]")]
    [TestCase("{ \"b\" : [ 1 ,\r\n\t{ \"a\" : null } , [ ] , { } , \" x \" ] , \"a\" : true }", """{"b":[1,{"a":null},[],{}," x "],"a":true}""")]
    [TestCase("""{"a":1,"a":2}""", """{"a":1,"a":2}""")]
    [TestCase("""{"data":1,"id":"x"}""", """{"data":1,"id":"x"}""")]
    [TestCase("""["\u00e9","\u00E9","\/","\u0041","\ud83d\ude00","\u003c"]""", """["é","é","/","A","😀","<"]""")]
    [TestCase("""{"\u00e9\n":1}""", """{"é\n":1}""")]
    [TestCase("""["\u000a\u000d\u0009\u0008\u000c","\u0000\u001F","\u0022\u005c","\u007f"]""", "[\"\\n\\r\\t\\b\\f\",\"\\u0000\\u001f\",\"\\\"\\\\\",\"\u007f\"]")]
    [TestCase("""["😀","é<>&'+","\u2028"]""", "[\"😀\",\"é<>&'+\",\"\u2028\"]")]
    [TestCase("[12345678901234567890,1.0,-0,1e400,1E+2]", "[12345678901234567890,1.0,-0,1e400,1E+2]")]
    public async Task Data_arrives_as_JSON_stringify_would_write_it(string json, string data)
    {
        await using var server = TestServer.Start();
        await using var subscriber = await server.SubscribeAsync();
        await server.PublishAsync($" {{ \"data\" : {json} }} \r\n");
        Assert.That((await subscriber.NextAsync()).Data, Is.EqualTo(data));
    }

    [Test]
    public async Task Data_may_be_deeply_nested()
    {
        await using var server = TestServer.Start();
        await using var subscriber = await server.SubscribeAsync();
        var deep = new string('[', 999) + new string(']', 999);
        await server.PublishAsync($$"""{"data":{{deep}}}""");
        Assert.That((await subscriber.NextAsync()).Data, Is.EqualTo(deep));
    }

    [TestCase("")]
    [TestCase(" ")]
    [TestCase("  two spaces, and a tab\t ")]
    [TestCase("one\ntwo\n\nfour\n")]
    [TestCase("""{"type":"not","data":"parsed"}""")]
    [TestCase("event: forged\nid: forged\n\nevent: forged")]
    [TestCase("\uFEFFa byte order mark, é, 😀, \u2028, \u0085, \f and \0")]
    public async Task Text_arrives_verbatim(string text)
    {
        await using var server = TestServer.Start();
        await using var subscriber = await server.SubscribeAsync();
        using var answer = await server.PostAsync("/events", "text/plain", text);
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        var next = await subscriber.NextAsync();
        Assert.That((next.EventType, next.Data), Is.EqualTo(("message", text)));
    }

    [TestCase("type=a+b&id=x%2by%20z&retry=10", "a b", "x+y z", 10)]
    [TestCase("id=%C3%A9%F0%9F%98%80", "message", "é😀", null)]
    [TestCase("type=&retry=2147483647", "message", null, int.MaxValue)]
    [TestCase("&&type=first&", "first", null, null)]
    public async Task The_query_gives_a_text_its_type_id_and_retry(string query, string type, string? id, int? retry)
    {
        await using var server = TestServer.Start();
        await using var subscriber = await server.SubscribeAsync();
        using var answer = await server.PostAsync("/events?" + query, "text/plain; charset=utf-8", "text");
        var next = await subscriber.NextAsync();
        Assert.That((next.EventType, next.Data), Is.EqualTo((type, "text")));
        Assert.That(subscriber.LastEventId, id is null ? Has.Length.EqualTo(NanoId.Size) : Is.EqualTo(id));
        Assert.That(next.ReconnectionInterval, Is.EqualTo(retry is { } milliseconds ? TimeSpan.FromMilliseconds(milliseconds) : (TimeSpan?)null));
    }

    [TestCase("application/json;charset=utf-8")]
    [TestCase("Application/JSON; Charset=\"UTF-8\"")]
    [TestCase("application/json; charset=us-ascii; other=x")]
    public async Task A_type_may_be_written_in_every_way(string type)
    {
        await using var server = TestServer.Start();
        using var answer = await server.PostAsync("/events", type, """{"data":1}""");
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.OK));
    }

    [Test]
    public async Task The_answer_is_the_id_that_the_subscribers_get()
    {
        await using var server = TestServer.Start();
        await using var subscriber = await server.SubscribeAsync();
        using var answer = await server.PostAsync("/events", "application/json", """{"data":1}""");
        await subscriber.NextAsync();
        Assert.That(await answer.Content.ReadAsStringAsync(), Is.EqualTo($$"""{"id":"{{subscriber.LastEventId}}"}"""));
        Assert.That(subscriber.LastEventId, Does.Match("^[A-Za-z0-9_-]{10}$"));
        Assert.That(answer.Content.Headers.ContentType?.ToString(), Is.EqualTo("application/json"));
        Assert.That(answer.Headers.CacheControl?.ToString(), Is.EqualTo("no-store"));
    }

    [TestCase("order-7")]
    [TestCase("a \\\"quoted\\\" one")]
    [TestCase("é😀")]
    public async Task A_publishers_own_id_is_kept(string id)
    {
        await using var server = TestServer.Start();
        await using var subscriber = await server.SubscribeAsync();
        using var answer = await server.PostAsync("/events", "application/json", $$"""{"data":1,"id":"{{id}}"}""");
        Assert.That(await answer.Content.ReadAsStringAsync(), Is.EqualTo($$"""{"id":"{{id}}"}"""));
        await subscriber.NextAsync();
        Assert.That(subscriber.LastEventId, Is.EqualTo(id.Replace("\\", "", StringComparison.Ordinal)));
    }

    [TestCase("application/json", "/events", """{"id":"order-7", "data": "first"}""")]
    [TestCase("text/plain", "/events?id=order-7", "\"first\"")]
    public async Task An_id_that_is_known_is_answered_and_not_delivered_twice(string type, string path, string body)
    {
        await using var server = TestServer.Start();
        await using var subscriber = await server.SubscribeAsync();
        await server.PublishAsync("""{"data":"first","id":"order-7"}""");
        using var answer = await server.PostAsync(path, type, body);
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        Assert.That(await answer.Content.ReadAsStringAsync(), Is.EqualTo("""{"id":"order-7"}"""));
        Assert.That((await subscriber.NextAsync()).Data, Is.EqualTo("\"first\""));
        await server.ExpectNothingArrivedAsync(subscriber);
    }

    [TestCase("type", "x", 200)]
    [TestCase("type", "é", 100)]
    [TestCase("id", "x", 200)]
    [TestCase("id", "é", 100)]
    public async Task A_type_and_an_id_may_have_200_bytes(string member, string character, int count)
    {
        await using var server = TestServer.Start();
        await using var subscriber = await server.SubscribeAsync();
        var name = string.Concat(Enumerable.Repeat(character, count));
        await server.PublishAsync($$"""{"data":1,"{{member}}":"{{name}}"}""");
        var next = await subscriber.NextAsync();
        Assert.That(member == "type" ? next.EventType : subscriber.LastEventId, Is.EqualTo(name));
    }

    [Test]
    public async Task Type_id_and_retry_may_be_null()
    {
        await using var server = TestServer.Start();
        await using var subscriber = await server.SubscribeAsync();
        await server.PublishAsync("""{"type":null,"id":null,"retry":null,"data":1}""");
        var next = await subscriber.NextAsync();
        Assert.That((next.EventType, next.Data, next.ReconnectionInterval), Is.EqualTo(("message", "1", (TimeSpan?)null)));
    }

    private static string AsBytes(string text) => Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(text));
}
