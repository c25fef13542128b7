using Microsoft.Playwright;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>What a browser sees through nginx and HAProxy with the configurations of <c>SseListener/Deploy</c>.</summary>
public sealed class BrowsersBehindProxies
{
    private const int Streams = 20;

    // Over HTTP/1.1 a browser opens six connections to a site, and no more.
    [Test]
    public async Task A_page_has_20_streams_over_one_connection_and_publishes_to_them()
    {
        await using var server = TestServer.Start(o => o with { PresenceLimit = 0, TrustProxy = true, PublishToken = "t", Cors = [Site.Origin] });
        using var nginx = await Nginx.StartAsync(server.Port);
        using var playwright = await Playwright.CreateAsync();
        await using var browser = await Site.BrowseAsync(playwright, nginx.Port);
        var page = await PageAsync(browser);
        await page.EvaluateAsync("""
            streams => {
              window.sources = Array.from({ length: streams }, () => new EventSource('/events'));
              window.received = [];
              sources.forEach(source => source.onmessage = message => received.push(message.data));
              return Promise.all(sources.map(source => new Promise(opened => source.onopen = opened)));
            }
            """, Streams).WaitAsync(Wait.Limit);
        var status = await page.EvaluateAsync<int>("""
            () => fetch('/events', { method: 'POST', body: 'some', headers: { 'Content-Type': 'text/plain', Authorization: 'Bearer t' } }).then(answer => answer.status)
            """);
        Assert.That(status, Is.EqualTo(200));
        await Wait.UntilAsync(async () => await page.EvaluateAsync<int>("() => received.length") == Streams, "not all have it");
        await page.EvaluateAsync("() => sources.forEach(source => source.close())");
        await Wait.UntilAsync(() => nginx.Requests.Count(IsStream) == Streams, "nginx does not see them leave");
        var connections = nginx.Requests.Where(IsStream).Select(request => request.Split(" \"")[0]).Distinct().ToArray();
        Assert.That(connections, Has.Length.EqualTo(1));
        Assert.That(connections[0], Does.EndWith(" HTTP/2.0"));
    }

    [TestCase("nginx")]
    [TestCase("HAProxy")]
    public async Task An_EventSource_comes_back_after_an_absence_of_the_server_longer_than_it_waits(string name)
    {
        using var data = new TempFolder();
        var arguments = $"--data {data.Path} --trust-proxy --publish-token t --retry 100ms --presence-limit 0";
        var (program, port) = await BuiltProgram.ListenAsync(arguments);
        var (proxy, proxyPort) = await StartAsync(name, port);
        using var running = proxy;
        using var playwright = await Playwright.CreateAsync();
        await using var browser = await Site.BrowseAsync(playwright, proxyPort);
        IPage page;
        using (program)
        {
            page = await PageAsync(browser);
            await page.EvaluateAsync("""
                () => {
                  const stream = new EventSource('/events');
                  window.test = { opened: 0, failed: 0 };
                  stream.onerror = () => test.failed++;
                  return new Promise(resolve => stream.onopen = () => { test.opened++; resolve(); });
                }
                """).WaitAsync(Wait.Limit);
            program.Signal("TERM");
            Assert.That(await program.EndAsync(), Is.Zero);
        }

        // One error is the end of the stream, those after it are attempts.
        await Wait.UntilAsync(async () => await page.EvaluateAsync<int>("() => test.failed") > 2, "it does not try again", TimeSpan.FromSeconds(30));
        using var restarted = await BuiltProgram.ListenAgainAsync(port, arguments);
        await Wait.UntilAsync(async () => await page.EvaluateAsync<int>("() => test.opened") == 2, "it does not come back");
    }

    private static bool IsStream(string request) => request.Contains("\"GET /events", StringComparison.Ordinal);

    private static async Task<(IDisposable Proxy, int Port)> StartAsync(string name, int serverPort)
    {
        if (name == "nginx")
        {
            var nginx = await Nginx.StartAsync(serverPort);
            return (nginx, nginx.Port);
        }

        var haproxy = await Haproxy.StartAsync(serverPort);
        return (haproxy, haproxy.Port);
    }

    private static async Task<IPage> PageAsync(IBrowser browser)
    {
        var page = await browser.NewPageAsync(new BrowserNewPageOptions { IgnoreHTTPSErrors = true });
        await page.GotoAsync(Site.Origin);
        return page;
    }
}
