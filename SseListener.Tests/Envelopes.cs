using System.Text;
using System.Text.Json;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>Data that name their channel, for clients that need it.</summary>
public sealed class Envelopes
{
    [Test]
    public async Task The_frame_is_the_same_but_for_its_data()
    {
        await using var server = TestServer.Start();
        using var raw = new RawRequest(server.Port);
        await raw.SendAsync(RawRequest.Head(server.Port, "GET /events?channel=orders&channel=alerts&envelope=1"));
        await raw.ReadUntilAsync("retry: ");
        await server.PublishAsync("""{"type":"made","data":{ "a": [1, "ü"] },"retry":7,"id":"x"}""", "orders");
        await raw.ReadUntilAsync("id: x\n\n\r\n");
        var expected = "event: made\ndata: {\"channel\":\"orders\",\"data\":{\"a\":[1,\"ü\"]}}\nretry: 7\nid: x\n\n";
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
    [TestCase("2")]
    [TestCase("yes")]
    public async Task Anything_but_0_and_1_is_refused(string value)
    {
        await using var server = TestServer.Start();
        using var answer = await server.SendAsync("GET", "/events?envelope=" + value);
        await Problem.ExpectAsync(answer, 400, "envelope is 0 or 1.");
    }

    [Test]
    public async Task Any_text_survives_any_length_of_write()
    {
        await using var server = TestServer.Start();
        var random = new Random(5);
        await using var client = await server.SubscribeAsync("?envelope=1");
        for (var i = 0; i < 200; i++)
        {
            var text = new string([.. Enumerable.Range(0, random.Next(i * 100)).Select(_ => "ab \"\\\n\t\u0001ü日€"[random.Next(11)])]);
            using var answer = await server.PostAsync("/events", "text/plain", text);
            using var envelope = JsonDocument.Parse((await client.NextAsync()).Data);
            var data = envelope.RootElement.GetProperty("data");
            Assert.That(data.ValueKind is JsonValueKind.String ? data.GetString() : data.GetRawText(), Is.EqualTo(text));
        }
    }
}
