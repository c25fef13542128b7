using System.Text;
using SseListener.Tests.Support;

namespace SseListener.Tests.Browsing;

/// <summary>The page's own parser of event streams (WHATWG HTML, section 9.2.6), in the browser.</summary>
[Parallelizable(ParallelScope.Self)]
public sealed class ParsingStreams
{
    private const int Streams = 100;

    // What the parser makes of these bytes when they come at once, one by one, and in two parts, split anywhere.
    private const string Parse = """
        async base64 => {
          const { EventParser } = await import('/js/parser.js');
          const bytes = Uint8Array.from(atob(base64), c => c.charCodeAt(0));
          const parse = parts => {
            const parser = new EventParser('before');
            const events = parts.flatMap(part => parser.push(part)).map(({ type, data, id }) => [type, data, id]);
            return JSON.stringify([events, parser.lastEventId, parser.retryMs]);
          };
          const splits = Array.from({ length: bytes.length + 1 }, (_, at) => parse([bytes.subarray(0, at), bytes.subarray(at)]));
          return [...new Set([parse([bytes]), parse(Array.from(bytes, byte => Uint8Array.of(byte))), ...splits])];
        }
        """;

    // The same events as an EventSource hands over, each with the last id at its end.
    private const string Compare = """
        async base64 => {
          const { EventParser } = await import('/js/parser.js');
          const bytes = Uint8Array.from(atob(base64), c => c.charCodeAt(0));
          const parser = new EventParser();
          const types = ['message', 'a', ' b', 'data'];
          const push = byte => parser.push(Uint8Array.of(byte)).map(({ type, data }) => [type, data, parser.lastEventId]);
          const own = Array.from(bytes).flatMap(push);
          const others = await new Promise(resolve => {
            const source = new EventSource(`/stream?${encodeURIComponent(base64)}`);
            const received = [];
            for (const type of types) source.addEventListener(type, event => received.push([event.type, event.data, event.lastEventId]));
            source.onerror = () => { source.close(); resolve(received); };
          });
          return [JSON.stringify(own.filter(([type]) => types.includes(type))), JSON.stringify(others)];
        }
        """;

    private static readonly string[] _pieces =
    [
        "data", "data:", "data: ", "event: a", "event:  b", "event:", "event: data", "id: 1", "id: é😀", "id",
        "id: x\0y", "retry: 1000", "retry: 1s", ":", ": comment", "other: 1", " ", "x", "é", "😀", "\uFEFF", "\0", "\u0085", "\u2028", "\v",
        "\n", "\n", "\n", "\n\n", "\r", "\r\n", "\r\n\r\n",
    ];

    [TestCase("data: a\n\n", """[["message","a",""]],"before",null""")]
    [TestCase("data: a\r\rdata:b\r\n\r\n", """[["message","a",""],["message","b",""]],"before",null""")]
    [TestCase("data: a\r\n\ndata: b\n\r", """[["message","a",""],["message","b",""]],"before",null""")]
    [TestCase("event: any\ndata: 1\ndata:  2\ndata\nid: é😀\nretry: 20\n\n", """[["any","1\n 2\n","é😀"]],"é😀",20""")]
    [TestCase("id: 1\ndata: a\n\ndata: b\n\nid\ndata: c\n\n", """[["message","a","1"],["message","b",""],["message","c",""]],"",null""")]
    [TestCase("id: 1\n\nid: 2\ndata: unfinished\n", """[],"1",null""")]
    [TestCase("id: a\0b\ndata: 1\n\n", """[["message","1",""]],"before",null""")]
    [TestCase("data:\n\nevent: none\n\ndata\n\n", """[["message","",""],["message","",""]],"before",null""")]
    [TestCase(": comment\n\n:\n\nretry: 1s\nretry:\nretry: -1\nother: 1\n data: 2\n\n", """[],"before",null""")]
    [TestCase("\uFEFFdata: \uFEFFa\u2028b\u0085c\vd\n\n\uFEFFdata: e\n\n", "[[\"message\",\"\uFEFFa\u2028b\u0085c\\u000bd\",\"\"]]"
        + ",\"before\",null")]
    [TestCase("", """[],"before",null""")]
    public async Task A_stream_has_the_same_events_wherever_its_bytes_are_split(string stream, string expected)
    {
        await using var server = TestServer.StartWithPages();
        await using var page = await BrowserPage.OpenAsync(server.Port);
        var parsed = await page.Tab.EvaluateAsync<string[]>(Parse, Base64(stream));
        Assert.That(parsed, Is.EqualTo(new[] { $"[{expected}]" }));
    }

    [Test]
    public async Task The_events_are_those_that_an_EventSource_hands_over()
    {
        await using var server = TestServer.StartWithPages();
        await using var page = await BrowserPage.OpenAsync(server.Port);
        await page.Tab.RouteAsync("**/stream?**", route => route.FulfillAsync(new()
        {
            ContentType = "text/event-stream",
            BodyBytes = Convert.FromBase64String(Uri.UnescapeDataString(new Uri(route.Request.Url).Query[1..])),
        }));
        var random = new Random(1);
        for (var i = 0; i < Streams; i++)
        {
            var stream = string.Concat(random.GetItems(_pieces, 100));
            var pair = await page.Tab.EvaluateAsync<string[]>(Compare, Base64(stream));
            Assert.That(pair[0], Is.EqualTo(pair[1]), stream);
        }
    }

    private static string Base64(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));
}
