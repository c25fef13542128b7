using System.Diagnostics;
using SseListener.Tests.Support;

namespace SseListener.Tests.Browsing;

/// <summary>What a script of somebody else's page sees: an EventSource that does all by itself, and a fetch.</summary>
[Parallelizable(ParallelScope.Self)]
public sealed class StreamsOfScripts
{
    private const string Broken = "net::ERR_";

    // What Chromium waits before a server has said how long.
    private static readonly TimeSpan _untoldRetry = TimeSpan.FromSeconds(3);

    [TestCase("TERM")]
    [TestCase("KILL")]
    public async Task An_EventSource_without_an_event_yet_gets_what_was_published_while_its_server_was_away(string signal)
    {
        using var data = new TempFolder();
        using var pages = new TempFolder();
        await File.WriteAllTextAsync(Path.Combine(pages.Path, "index.html"), TestServer.EmptyPage);
        var options = $"--data {data.Path} --public {pages.Path} --retry 1s";
        var (program, port) = await BuiltProgram.ListenAsync(options);
        using var first = program;
        await using var page = await BrowserPage.VisitAsync(port, expected: Broken);
        await ListenAsync(page);
        program.Signal(signal);
        await program.EndAsync();

        // On another port, so that the EventSource cannot be back before it.
        var (other, otherPort) = await BuiltProgram.ListenAsync(options);
        using (other)
        {
            await BuiltProgram.PublishAsync(otherPort, """{"data":1}""");
            await BuiltProgram.PublishAsync(otherPort, """{"data":2}""");
            other.Signal("TERM");
            await other.EndAsync();
        }

        using var again = await BuiltProgram.ListenAgainAsync(port, options);
        await ExpectAsync(page, "1,2");
        await BuiltProgram.PublishAsync(port, """{"data":3}""");
        await ExpectAsync(page, "1,2,3");
    }

    [Test]
    public async Task An_EventSource_without_an_event_yet_gets_what_was_published_after_its_stream_was_too_old()
    {
        await using var server = TestServer.Start(o => o with
        {
            MaxAge = TimeSpan.FromSeconds(1),
            Retry = TimeSpan.FromSeconds(2),
            Heartbeat = TimeSpan.FromMilliseconds(40),
        });
        await Wait.UntilAsync(async () =>
        {
            await using var page = await BrowserPage.VisitAsync(server.Port);
            await ListenAsync(page);
            await Wait.UntilAsync(() => server.Server.Clients.Count == 0, "its stream does not end");
            await server.PublishAsync("""{"data":1}""");
            await server.PublishAsync("""{"data":2}""");
            var hasMissed = server.Server.Clients.Count == 0;
            await ExpectAsync(page, "1,2");
            await server.PublishAsync("""{"data":3}""");
            await ExpectAsync(page, "1,2,3");
            return hasMissed;
        }, "it is back each time before it could miss something");
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task A_fetch_ends_without_an_exception_when_the_server_stops(bool usesPrivateNames)
    {
        await using var server = TestServer.Start(o => o with { UsesPrivateNames = usesPrivateNames });
        await using var page = await BrowserPage.VisitAsync(server.Port);
        await page.Tab.EvaluateAsync("() => { window.whole = fetch('/events').then(answer => answer.text()).catch(String); }");
        await Wait.UntilAsync(() => server.Logged.Contains(" connected from ", StringComparison.Ordinal), "it does not connect");
        await server.PublishAsync("""{"data":"the last"}""");
        await server.Server.StopAsync();
        var whole = await page.Tab.EvaluateAsync<string>("() => whole").WaitAsync(Wait.Limit);
        Assert.That(whole, Does.StartWith("event: hello\n").And.Contains("data: \"the last\"\n").And.EndsWith("\n\n"));
    }

    [Test]
    public async Task An_EventSource_that_finds_no_room_comes_back_by_itself_and_does_not_ask_more_often_than_it_waits()
    {
        await using var server = TestServer.Start(o => o with { MaxClients = 1 });
        var one = await server.SubscribeAsync();
        await using var page = await BrowserPage.VisitAsync(server.Port, expected: Broken);
        var started = Stopwatch.GetTimestamp();
        await BeginAsync(page);
        await Wait.UntilAsync(async () => await page.Tab.EvaluateAsync<int>("() => failed") >= 3, "it does not ask again");
        var refused = 0;
        await Wait.UntilAsync(() => (refused = server.Logged.Split(" 503: ").Length - 1) >= 3, "not logged");

        // One request at once, and one more for each connection that the page had open already: a browser asks again when such a one is
        // closed, for that may have happened before it asked.
        Assert.That(refused, Is.AtMost(3 + (Stopwatch.GetElapsedTime(started) / _untoldRetry)));
        await one.DisposeAsync();
        await Wait.UntilAsync(async () => await page.Tab.EvaluateAsync<int>("() => opened") == 1, "it does not come back");
        await server.PublishAsync("""{"data":1}""");
        await ExpectAsync(page, "1");
    }

    private static async Task ListenAsync(BrowserPage page)
    {
        await BeginAsync(page);
        await Wait.UntilAsync(async () => await page.Tab.EvaluateAsync<bool>("() => greeted"), "it is not greeted");
    }

    private static async Task BeginAsync(BrowserPage page) => await page.Tab.EvaluateAsync("""
        () => {
          const source = new EventSource('/events');
          Object.assign(window, { opened: 0, failed: 0, greeted: false, received: [] });
          source.onopen = () => opened++;
          source.onerror = () => failed++;
          source.onmessage = event => received.push(event.data);
          source.addEventListener('hello', () => greeted = true);
        }
        """);

    private static Task ExpectAsync(BrowserPage page, string data) =>
        Wait.UntilAsync(async () => await page.Tab.EvaluateAsync<string>("() => received.join()") == data, $"it has not received {data}");
}
