using Microsoft.Playwright;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>What a browser does with a session that nginx with <c>nginx-sessions.conf</c> turns into tokens.</summary>
public sealed class BrowsersWithSessions
{
    private const string Listen = """
        credentials => {
          window.stream = new EventSource('https://sse.example.com/events?channel=user/ann', { withCredentials: credentials });
          window.test = { opened: 0, received: [] };
          stream.onopen = () => test.opened++;
          stream.onmessage = message => test.received.push(message.data);
        }
        """;

    [Test]
    public async Task An_EventSource_comes_back_with_a_new_token_until_the_session_has_ended()
    {
        await using var server = Start();
        using var application = new Application();
        using var nginx = await Nginx.StartAsync(server.Port, application);
        application.Sessions["ann"] = () => Jwt.For(subscribe: ["user/ann"], life: TimeSpan.FromSeconds(2));
        using var playwright = await Playwright.CreateAsync();
        await using var browser = await Site.BrowseAsync(playwright, nginx.Port);
        var page = await PageAsync(browser, Site.Origin + "/?login=ann");
        await page.EvaluateAsync(Listen, false);
        await Wait.UntilAsync(async () => await page.EvaluateAsync<int>("() => test.opened") > 1, "it does not come back when its token expires");
        await PublishAsync(server, "one");
        await PublishAsync(server, "two");
        await Wait.UntilAsync(async () => await page.EvaluateAsync<int>("() => test.received.length") == 2, "it has not both");
        Assert.That(await page.EvaluateAsync<string[]>("() => test.received"), Is.EqualTo((string[])["one", "two"]));

        // The next time it is told that it may not.
        application.Sessions.Clear();
        await Wait.UntilAsync(async () => await page.EvaluateAsync<bool>("() => stream.readyState === EventSource.CLOSED"), "it goes on");
        await server.ExpectMetricAsync("sse_clients", 0);
    }

    // The cookie is sent, for the two are one site to a browser.
    [Test]
    public async Task A_page_of_a_neighbouring_site_gets_nothing_by_it()
    {
        await using var server = Start();
        using var application = new Application();
        using var nginx = await Nginx.StartAsync(server.Port, application);
        application.Sessions["ann"] = () => Jwt.For(subscribe: ["user/ann"]);
        using var playwright = await Playwright.CreateAsync();
        await using var browser = await Site.BrowseAsync(playwright, nginx.Port);
        var page = await PageAsync(browser, Site.Origin + "/?login=ann");
        await page.GotoAsync("https://other.example.com/");
        await page.EvaluateAsync(Listen, true);
        await Wait.UntilAsync(async () => await page.EvaluateAsync<bool>("() => stream.readyState === EventSource.CLOSED"), "it goes on");
        Assert.That(application.Questions, Is.Empty);
        Assert.That(await server.MetricAsync("sse_connects_total"), Is.Zero);
        await page.GotoAsync(Site.Origin);
        await page.EvaluateAsync(Listen, false);
        await Wait.UntilAsync(async () => await page.EvaluateAsync<int>("() => test.opened") == 1, "a page of the site gets nothing either");
    }

    private static TestServer Start() => TestServer.Start(o => o with
    {
        TrustProxy = true,
        Cors = [Site.Origin],
        PublishToken = "t",
        JwtKey = SignedTokens.Key(Jwt.Secret),
        Private = ["user/*"],
        Retry = TimeSpan.FromMilliseconds(100),
    });

    private static async Task<IPage> PageAsync(IBrowser browser, string address)
    {
        var page = await browser.NewPageAsync(new BrowserNewPageOptions { IgnoreHTTPSErrors = true });
        await page.GotoAsync(address);
        return page;
    }

    private static async Task PublishAsync(TestServer server, string text)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/events?channel=user/ann");
        request.Content = new StringContent(text);
        request.Headers.Authorization = new("Bearer", "t");
        using var answer = await server.Http.SendAsync(request);
        answer.EnsureSuccessStatusCode();
    }
}
