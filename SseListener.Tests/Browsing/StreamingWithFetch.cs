using System.Collections.Concurrent;
using System.Text;
using System.Text.RegularExpressions;
using SseListener.Tests.Support;
using static SseListener.Tests.Support.BrowserPage;

namespace SseListener.Tests.Browsing;

/// <summary>How the page, which reads its stream with fetch, does what an EventSource does (WHATWG HTML, section 9.2).</summary>
[Parallelizable(ParallelScope.Self)]
public sealed class StreamingWithFetch
{
    private const string Path = "**/events?*";

    [Test]
    public async Task It_sends_the_last_id_as_a_header_whatever_its_characters()
    {
        await using var server = TestServer.StartWithPages();
        await using var page = await BrowserPage.OpenAsync(server.Port);
        await page.ShowPublishedAsync();
        await server.PublishAsync("""{"id":"é & 東京 😀","data":"seen"}""");
        await page.ExpectDataAsync("\"seen\"");
        await Expect(page.Text("last-id")).ToHaveTextAsync("é & 東京 😀");
        await page.Button("Disconnect").ClickAsync();
        await server.PublishAsync("""{"data":"missed"}""");
        var request = await page.Tab.RunAndWaitForRequestAsync(
            () => page.Button("Connect").ClickAsync(), request => request.Method == "GET");
        Assert.That(new Uri(request.Url).Query, Is.EqualTo("?channel=default"));
        Assert.That(await request.HeaderValueAsync("last-event-id"), Does.StartWith(Encoding.Latin1.GetString("é & "u8)));
        await page.ExpectDataAsync("\"missed\"", "\"seen\"");
        await Expect(page.Rows).ToHaveCountAsync(2);
        await Expect(page.Text("gap")).ToBeHiddenAsync();
    }

    [Test]
    public async Task It_comes_back_when_the_last_retry_says_also_an_event_s()
    {
        await using var server = TestServer.StartWithPages(options => options with { Retry = TimeSpan.FromSeconds(1) });
        await using var page = await BrowserPage.OpenAsync(server.Port, expected: "net::ERR_");
        await server.PublishAsync("""{"data":1,"retry":400000}""");
        await page.ExpectDataAsync("1");
        await server.Server.StopAsync();
        await page.ExpectStateAsync("Reconnecting…");
        await Expect(page.Text("countdown")).ToHaveTextAsync(new Regex("^Reconnecting in (400|3[0-9]{2}) s\\.$"));
    }

    [TestCase(404, "text/event-stream", "The server refuses (404): it does not say why.")]
    [TestCase(403, "application/problem+json", "The server refuses (403): not for you")]
    [TestCase(200, "text/html", "The answer is no event stream: its type is text/html.")]
    [TestCase(200, "text/event-streams", "The answer is no event stream: its type is text/event-streams.")]
    public async Task An_answer_that_is_no_event_stream_is_final_and_the_page_says_why(int status, string type, string why)
    {
        await using var server = TestServer.StartWithPages();
        await using var page = await BrowserPage.OpenAsync(server.Port, expected: $"status of {status}");
        var body = status is 403 ? """{"detail":"not for you"}""" : "";
        await page.Tab.RouteAsync(Path, route => route.FulfillAsync(new() { Status = status, ContentType = type, Body = body }));
        await page.Button("Disconnect").ClickAsync();
        await page.Button("Connect").ClickAsync();
        await page.ExpectStateAsync("Refused");
        await Expect(page.Lost).ToContainTextAsync(why);
        await Expect(page.Text("countdown")).ToHaveTextAsync("");
        await page.Tab.UnrouteAsync(Path);
        await page.Button("Try now").ClickAsync();
        await page.ExpectStateAsync("Live");
        await Expect(page.Lost).ToBeHiddenAsync();
    }

    [Test]
    public async Task An_error_of_the_network_is_not_final()
    {
        await using var server = TestServer.StartWithPages();
        // While nobody listens, the channel about which the page asks is none.
        await using var page = await BrowserPage.OpenAsync(server.Port, expected: ["net::ERR_", "404 (Not Found)"]);
        await page.Tab.RouteAsync(Path, route => route.AbortAsync());
        await page.Button("Disconnect").ClickAsync();
        await page.Button("Connect").ClickAsync();
        await page.ExpectStateAsync("Server gone");
        await page.Tab.UnrouteAsync(Path);
        await page.ExpectStateAsync("Live");
    }

    [Test]
    public async Task The_end_of_a_stream_is_not_final_and_what_was_unfinished_is_no_event()
    {
        await using var server = TestServer.StartWithPages();
        await using var page = await BrowserPage.OpenAsync(server.Port);
        var asked = new ConcurrentQueue<string?>();
        await page.Tab.RouteAsync(Path, async route =>
        {
            asked.Enqueue(await route.Request.HeaderValueAsync("last-event-id"));
            var body = asked.Count == 1
                ? "retry: 10\nid: one\ndata: 1\n\nid: two\ndata: unfinished"
                : "id: three\ndata: 3\n\nretry: 600000\n\n";
            await route.FulfillAsync(new() { ContentType = "text/event-stream; charset=utf-8", Body = body });
        });
        await page.Button("Disconnect").ClickAsync();
        await page.Button("Clear").ClickAsync();
        await page.Button("Connect").ClickAsync();
        await page.ExpectDataAsync("3", "1");
        await Expect(page.Rows).ToHaveCountAsync(2);
        Assert.That(asked.Skip(1).Single(), Is.EqualTo("one"));
    }
}
