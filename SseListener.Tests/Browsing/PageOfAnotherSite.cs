using System.Text;
using SseListener.Tests.Support;
using static SseListener.Tests.Support.BrowserPage;

namespace SseListener.Tests.Browsing;

/// <summary>The page of <c>SseListener/Docs/examples</c>, on another site than the hub, which is started and killed.</summary>
[Parallelizable(ParallelScope.Self)]
public sealed class PageOfAnotherSite
{
    private static readonly string[] _orders = ["orders/*"];

    [Test]
    public async Task It_listens_and_publishes_and_has_what_it_missed_each_event_once()
    {
        using var data = new TempFolder();
        using var site = await OtherSite.StartAsync();
        var options = $"--cors {site.Origin} --data {data.Path} --retry 500ms --drain 0";
        var (program, port) = await BuiltProgram.ListenAsync(options);
        using var first = program;
        await using var page = await VisitAsync(site, port);
        await ExpectLiveAsync(page);
        await PublishAsync(page, "1");
        await ExpectAsync(page, "1");
        program.Signal("KILL");
        await program.EndAsync();

        // It tries until there is an answer.
        await PublishAsync(page, "2");
        using (var other = await BuiltProgram.ListenAgainAsync(port, options))
        {
            await ExpectAsync(page, "2", "1");
            other.Signal("TERM");
            await other.EndAsync();
        }

        // On another port, where the page cannot come back before it is published.
        var (meanwhile, otherPort) = await BuiltProgram.ListenAsync(options);
        using (meanwhile)
        {
            using var http = new HttpClient { Timeout = Wait.Limit };
            using var content = new StringContent("""{"type":"note","data":"3"}""", Encoding.UTF8, "application/json");
            using var answer = await http.PostAsync(new Uri($"http://localhost:{otherPort}/events?channel=orders/42"), content);
            meanwhile.Signal("TERM");
            await meanwhile.EndAsync();
        }

        using var last = await BuiltProgram.ListenAgainAsync(port, options);
        await ExpectAsync(page, "3", "2", "1");
    }

    [Test]
    public async Task On_a_private_channel_it_gets_a_new_token_when_the_one_it_has_expires()
    {
        using var site = await OtherSite.StartAsync();
        site.Write("token", Jwt.For(_orders, _orders, TimeSpan.FromSeconds(12)));
        await using var server = TestServer.Start(o => o with
        {
            Cors = [site.Origin],
            JwtKey = SignedTokens.Key(Jwt.Secret),
            Private = _orders,
            Heartbeat = TimeSpan.FromMilliseconds(100),
            Retry = TimeSpan.FromMilliseconds(100),
        });
        await using var page = await VisitAsync(site, server.Port);
        await ExpectLiveAsync(page);
        await PublishAsync(page, "1");
        await ExpectAsync(page, "1");
        await server.LogsAsync("it has expired");
        site.Write("token", Jwt.For(_orders, _orders));
        await PublishAsync(page, "2");
        await ExpectAsync(page, "2", "1");
    }

    [Test]
    public async Task What_the_hub_refuses_it_shows()
    {
        using var site = await OtherSite.StartAsync();
        await using var server = TestServer.Start(o => o with { Cors = [site.Origin], PublishToken = "another" });
        await using var page = await VisitAsync(site, server.Port);
        await ExpectLiveAsync(page);
        await PublishAsync(page, "1");
        await Expect(page.Text("state")).ToContainTextAsync("This takes a token that may publish");
    }

    [Test]
    public async Task It_tries_again_where_an_answer_says_so_and_stops_at_the_end()
    {
        using var site = await OtherSite.StartAsync();
        await using var server = TestServer.Start(o => o with { Cors = [site.Origin], Retry = TimeSpan.FromMilliseconds(100) });
        await using var page = await VisitAsync(site, server.Port);
        await ExpectLiveAsync(page);
        var refusals = new Stack<int>([408, 429]);
        await page.Tab.RouteAsync(url => url.EndsWith("channel=orders/42", StringComparison.Ordinal), route => refusals.TryPop(out var status)
            ? route.FulfillAsync(new() { Status = status, Headers = new Dictionary<string, string> { ["Access-Control-Allow-Origin"] = site.Origin } })
            : route.ContinueAsync());
        await PublishAsync(page, "1");
        await ExpectAsync(page, "1");
        Assert.That(refusals, Is.Empty);
        using var ended = await server.PostAsync("/events?channel=orders/42&end=1", "text/plain", "");
        await page.ExpectStateAsync("The end.");
    }

    private static async Task<BrowserPage> VisitAsync(OtherSite site, int port)
    {
        var text = Example.Read("page.html");
        var hub = $"http://localhost:{port}";
        Assert.That(text, Does.Contain("'http://localhost:3000'"));
        site.Write("page.html", text.Replace("http://localhost:3000", hub, StringComparison.Ordinal));
        string[] expected = [$"a request to {hub}/events", "net::ERR_", "Failed to load resource"];
        return await BrowserPage.VisitAsync(site.Port, "/page.html", options: null, expected);
    }

    private static Task ExpectLiveAsync(BrowserPage page) => page.ExpectStateAsync("Live");

    private static async Task PublishAsync(BrowserPage page, string text)
    {
        await page.Field("Note").FillAsync(text);
        await page.Button("Publish").ClickAsync();
    }

    private static Task ExpectAsync(BrowserPage page, params string[] notes) =>
        Expect(page.Tab.Locator("#events li")).ToHaveTextAsync(notes);
}
