using System.Collections.Concurrent;
using SseListener.Tests.Support;

namespace SseListener.Tests.Browsing;

/// <summary>Streams that browsers refuse their pages, keep from them, or let wait.</summary>
[Parallelizable(ParallelScope.Self)]
public sealed class TroublesOfBrowsers : Troubles
{
    // Begins streams, and notes how many have opened and what they hear.
    private const string Begin = """
        urls => {
          Object.assign(window, { opened: 0, heard: [] });
          window.sources = urls.map(url => new EventSource(url));
          for (const source of sources) {
            source.onopen = () => opened++;
            source.onmessage = message => heard.push(message.data);
          }
        }
        """;

    [Test]
    public async Task The_seventh_stream_of_a_browser_waits()
    {
        await using var server = TestServer.Start();
        await using var page = await BrowserPage.VisitAsync(server.Port);
        string[] channels = ["a", "b", "c", "d", "e", "f", "g"];
        await BeginAsync(page, [.. channels.Select(channel => $"/events?channel={channel}")]);
        await IsAsync(page, "opened === 6");
        await PublishToAllAsync();
        await IsAsync(page, "heard.length === 6");
        var waiting = await page.Tab.EvaluateAsync<int>("sources.filter(source => source.readyState === EventSource.CONNECTING).length");
        Assert.That(waiting, Is.EqualTo(1));

        await page.Tab.EvaluateAsync("sources.forEach(source => source.close())");
        await BeginAsync(page, "/events?channel=" + string.Join("&channel=", channels));
        await IsAsync(page, "opened === 1");
        await PublishToAllAsync();
        await IsAsync(page, "heard.length === 7");

        async Task PublishToAllAsync()
        {
            foreach (var channel in channels)
                await server.PublishAsync("""{"data":1}""", channel);
        }
    }

    [Test]
    public async Task Onmessage_does_not_hear_an_event()
    {
        await using var server = TestServer.Start();
        await using var page = await BrowserPage.VisitAsync(server.Port);
        await BeginAsync(page, "/events", "/events?envelope=2");
        await page.Tab.EvaluateAsync("sources[0].addEventListener('paid', message => heard.push(`paid ${message.data}`))");
        await IsAsync(page, "opened === 2");
        await server.PublishAsync("""{"type":"paid","data":1}""");
        await server.PublishAsync("""{"data":2}""");

        // Both cures, and as a message only what has no type.
        await IsAsync(page, """heard.includes('paid 1') && heard.includes('2') && heard.some(data => data.includes('"type":"paid"'))""");
        Assert.That(await page.Tab.EvaluateAsync<bool>("heard.includes('1')"), Is.False);
    }

    [Test]
    public async Task An_EventSource_stays_away()
    {
        await using var server = TestServer.Start(o => o with { JwtKey = SignedTokens.Key(Jwt.Secret), Private = ["orders/*"] });
        await using var page = await BrowserPage.VisitAsync(server.Port, expected: "Failed to load resource");
        var logged = Logged(page);
        await BeginAsync(page, Url(TimeSpan.FromMinutes(-1)));
        await IsAsync(page, "sources[0].readyState === EventSource.CLOSED");
        await LogsAsync(logged);

        await BeginAsync(page, Url(TimeSpan.FromMinutes(1)));
        await IsAsync(page, "opened === 1");

        static string Url(TimeSpan life) => "/events?channel=orders/42&token=" + Jwt.For(subscribe: ["orders/*"], life: life);
    }

    [Test]
    public async Task A_page_of_another_site_gets_no_events()
    {
        using var site = await OtherSite.StartAsync();
        site.Write("index.html", TestServer.EmptyPage);
        await using var server = TestServer.Start();
        var url = $"http://localhost:{server.Port}/events";
        string[] expected = ["a request to http://localhost:", "CORS policy", "net::ERR_FAILED"];
        await using var page = await BrowserPage.VisitAsync(site.Port, "/", options: null, expected);
        var logged = Logged(page);
        await BeginAsync(page, url);
        await LogsAsync(() => logged() + server.Logged);
        Assert.That(await page.Tab.EvaluateAsync<int>("opened"), Is.Zero);

        await using var cured = TestServer.Start(o => o with { Cors = [site.Origin] });
        await BeginAsync(page, $"http://localhost:{cured.Port}/events");
        await IsAsync(page, "opened === 1");
    }

    private static async Task BeginAsync(BrowserPage page, params string[] urls) => await page.Tab.EvaluateAsync(Begin, urls);

    private static Task IsAsync(BrowserPage page, string condition) =>
        Wait.UntilAsync(async () => await page.Tab.EvaluateAsync<bool>(condition), condition);

    // What the browser writes on its console from now on.
    private static Func<string> Logged(BrowserPage page)
    {
        var lines = new ConcurrentQueue<string>();
        page.Tab.Console += (_, message) => lines.Enqueue(message.Text);
        return () => string.Join('\n', lines);
    }
}
