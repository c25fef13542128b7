using System.Text;
using System.Text.Json;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>Data that name their channel, for clients that need it.</summary>
public sealed class Envelopes
{
    [TestCase("1", """event: ma"de|data: {"channel":"orders","data":{"a":[1,"ü"]}}|""")]
    [TestCase("2", """data: {"channel":"orders","type":"ma\"de","id":"x\\y","data":{"a":[1,"ü"]}}|""")]
    public async Task The_frame_is_the_same_but_for_its_data_and_the_type_that_is_in_them(string value, string beginning)
    {
        await using var server = TestServer.Start();
        using var raw = await ListenAsync(server, "envelope=" + value);
        await server.PublishAsync("""{"type":"ma\"de","data":{ "a": [1, "ü"] },"retry":7,"id":"x\\y"}""", "orders");
        await raw.ReadUntilAsync("id: x\\y\n\n\r\n");
        var expected = beginning.Replace('|', '\n') + "retry: 7\nid: x\\y\n\n";
        Assert.That(raw.Body, Does.EndWith("\n\n" + Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(expected))));
    }

    [TestCase("plain", "\"plain\"")]
    [TestCase("", "\"\"")]
    [TestCase("two\nlines", "\"two\\nlines\"")]
    [TestCase("\n\n", "\"\\n\\n\"")]
    [TestCase("a\r\nb\rc\n", "\"a\\nb\\nc\\n\"")]
    [TestCase("quote \" backslash \\ tab \t", "\"quote \\\" backslash \\\\ tab \\t\"")]
    [TestCase("12 monkeys", "\"12 monkeys\"")]
    [TestCase("{not json}", "\"{not json}\"")]
    [TestCase("{\"json\":\n1}", "\"{\\\"json\\\":\\n1}\"")]
    [TestCase("42", "42")]
    [TestCase("{\"json\": 1}", "{\"json\": 1}")]
    [TestCase(" leading", "\" leading\"")]
    [TestCase("ü\u2028", "\"ü\u2028\"")]
    public async Task Text_stands_in_it_as_a_string_unless_it_is_JSON_on_one_line(string text, string data)
    {
        await using var server = TestServer.Start();
        await using var client = await server.SubscribeAsync("?channel=c&envelope=1");
        using var answer = await server.PostAsync("/events?channel=c", "text/plain", text);
        Assert.That((await client.NextAsync()).Data, Is.EqualTo($$$"""{"channel":"c","data":{{{data}}}}"""));
    }

    [Test]
    public async Task Presence_has_one_too_and_what_is_of_no_channel_has_none()
    {
        await using var server = TestServer.Start();
        await using var client = await server.SubscribeAsync("?channel=a&channel=b&envelope=1", "unknown");
        Assert.That(client.Hello, Does.StartWith("""{"client":"""));
        Assert.That((await client.NextAsync()).Data, Is.EqualTo("""{"lastEventId":"unknown"}"""));
        await using var other = await server.SubscribeAsync("?channel=b");
        Assert.That((await client.NextAsync()).Data, Is.EqualTo($$$"""{"channel":"b","data":{"joined":"{{{other.ClientId}}}","clients":2}}"""));
    }

    [Test]
    public async Task What_the_server_says_itself_is_in_one_too()
    {
        await using var server = TestServer.Start();
        using var raw = await ListenAsync(server, "envelope=2&lastEventId=unknown");
        await raw.ReadChunkAsync("lastEventId");
        var frames = raw.Body.Split("\n\n");
        Assert.That(frames[0], Does.Match("^data: {\"channel\":null,\"type\":\"hello\",\"id\":\"(@[^\"]{22})\",\"data\":{\"client\":\"[^\"]+\",\"channels\":\\[\"orders\",\"alerts\"]}}\nretry: \\d+\nid: \\1$"));
        Assert.That(frames[1], Is.EqualTo("data: {\"channel\":null,\"type\":\"gap\",\"id\":null,\"data\":{\"lastEventId\":\"unknown\"}}"));
        await using (var other = await server.SubscribeAsync("?channel=alerts"))
            await raw.ReadUntilAsync($"data: {{\"channel\":\"alerts\",\"type\":\"join\",\"id\":\"@");

        await raw.ReadUntilAsync($"data: {{\"channel\":\"alerts\",\"type\":\"leave\",\"id\":\"@");
    }

    [TestCase("two\nlines", "message", "\"two\\nlines\"")]
    [TestCase("", "message", "\"\"")]
    [TestCase("42", "made", "42")]
    public async Task One_handler_hears_every_event_whatever_its_type(string text, string type, string data)
    {
        await using var server = TestServer.Start();
        await using var client = await server.SubscribeAsync("?channel=c&envelope=2");
        using var answer = await server.PostAsync($"/events?channel=c&id=7&type={type}", "text/plain", text);
        var received = await client.NextAsync();
        Assert.That((received.EventType, received.EventId, received.Data), Is.EqualTo(("message", "7", $$"""{"channel":"c","type":"{{type}}","id":"7","data":{{data}}}""")));
    }

    [Test]
    public async Task A_client_resumes_from_what_was_in_one()
    {
        await using var server = TestServer.Start();
        await server.PublishAsync("""{"data":1,"id":"one"}""");
        await server.PublishAsync("""{"data":2,"id":"two","type":"made"}""");
        await using var client = await server.SubscribeAsync("?envelope=2", "one");
        Assert.That((await client.NextAsync()).Data, Is.EqualTo("""{"channel":"default","type":"made","id":"two","data":2}"""));
    }

    [TestCase("1", true)]
    [TestCase("0", false)]
    public async Task It_is_there_when_asked_for(string value, bool isThere)
    {
        await using var server = TestServer.Start();
        await using var client = await server.SubscribeAsync("?envelope=" + value);
        await server.PublishAsync("""{"data":null}""");
        Assert.That((await client.NextAsync()).Data, Is.EqualTo(isThere ? """{"channel":"default","data":null}""" : "null"));
    }

    [TestCase("")]
    [TestCase("3")]
    [TestCase("yes")]
    public async Task Anything_but_0_1_and_2_is_refused(string value)
    {
        await using var server = TestServer.Start();
        using var answer = await server.SendAsync("GET", "/events?envelope=" + value);
        await Problem.ExpectAsync(answer, 400, "envelope is 0, 1 or 2.");
    }

    [TestCase("1")]
    [TestCase("2")]
    public async Task Any_text_survives_any_length_of_write(string value)
    {
        await using var server = TestServer.Start();
        var random = new Random(5);
        await using var client = await server.SubscribeAsync("?envelope=" + value);
        for (var i = 0; i < 200; i++)
        {
            var text = new string([.. Enumerable.Range(0, random.Next(i * 100)).Select(_ => "ab \"\\\n\t\u0001ü日€"[random.Next(11)])]);
            using var answer = await server.PostAsync("/events", "text/plain", text);
            using var envelope = JsonDocument.Parse((await client.NextAsync()).Data);
            var data = envelope.RootElement.GetProperty("data");
            Assert.That(data.ValueKind is JsonValueKind.String ? data.GetString() : data.GetRawText(), Is.EqualTo(text));
        }
    }

    // On two channels.
    private static async Task<RawRequest> ListenAsync(TestServer server, string query)
    {
        var raw = new RawRequest(server.Port);
        await raw.SendAsync(RawRequest.Head(server.Port, $"GET /events?channel=orders&channel=alerts&{query}"));
        await raw.ReadUntilAsync("retry: ");
        await server.ServesAllAsync();
        return raw;
    }
}
