using System.Text.RegularExpressions;
using Microsoft.Playwright;
using SseListener.Tests.Support;
using static SseListener.Tests.Support.BrowserPage;

namespace SseListener.Tests.Browsing;

/// <summary>The page's list of events: what it shows, holds back and finds.</summary>
[Parallelizable(ParallelScope.Self)]
public sealed class WatchingEvents
{
    [Test]
    public async Task The_page_says_who_it_is_and_shows_what_arrives()
    {
        await using var server = TestServer.StartWithPages();
        await using var page = await BrowserPage.OpenAsync(server.Port);
        var id = await server.PublishAsync("""{"type":"alert","data":{"nested":"here"}}""");
        await page.ExpectDataAsync("""{"nested":"here"}""");
        await Expect(page.Rows.First.Locator(".type")).ToHaveTextAsync("alert");
        await Expect(page.Rows.First.Locator(".id")).ToHaveTextAsync(id);
        await Expect(page.Text("last-id")).ToHaveTextAsync(id);
        await Expect(page.Data.Last).ToContainTextAsync($$"""{"client":"{{await page.ClientIdAsync()}}","channels":["default"]}""");
    }

    [Test]
    public async Task What_arrives_is_text_whatever_it_looks_like()
    {
        const string Markup = "<img src=x onerror=\"document.title='run'\"><script>document.title='run'</script>";
        await using var server = TestServer.StartWithPages();
        await using var page = await BrowserPage.OpenAsync(server.Port);
        using var answer = await server.PostAsync("/events", "text/plain", Markup);
        await page.ExpectDataAsync(Markup);
        Assert.That(await page.Tab.TitleAsync(), Is.EqualTo("SseListener"));
    }

    [TestCase("rare")]
    [TestCase("open")]
    [TestCase("error")]
    [TestCase("abort")]
    [TestCase("toString")]
    [TestCase("__proto__")]
    [TestCase("Grüße aus 東京")]
    public async Task An_event_is_shown_whatever_its_type(string type)
    {
        await using var server = TestServer.StartWithPages();
        await using var page = await BrowserPage.OpenAsync(server.Port);
        await server.PublishAsync($$"""{"type":"{{type}}","data":1}""");
        await server.PublishAsync("""{"data":2}""");
        await page.ExpectDataAsync("2", "1");
        await Expect(page.Rows.Locator(".type")).ToHaveTextAsync(["message", type, "hello"]);
        await Expect(page.Text("count")).ToHaveTextAsync("3 received");
        await page.Field("Type").First.SelectOptionAsync(type);
        await Expect(page.Rows).ToHaveCountAsync(1);
        await page.ExpectStateAsync("Live");
    }

    [Test]
    public async Task Of_twenty_events_at_least_twelve_are_on_a_screen_of_1280_by_800()
    {
        await using var server = TestServer.StartWithPages();
        var screen = new BrowserNewContextOptions { ViewportSize = new() { Width = 1280, Height = 800 } };
        await using var page = await BrowserPage.OpenAsync(server.Port, options: screen);
        using var answer = await server.PostAsync("/events", "application/x-ndjson", Batch(0, 20));
        await page.ExpectDataAsync("19");
        for (var i = 0; i < 12; i++)
            await Expect(page.Rows.Nth(i)).ToBeInViewportAsync(new() { Ratio = 1 });
    }

    [Test]
    public async Task The_list_says_where_it_begins()
    {
        await using var server = TestServer.StartWithPages();
        await server.PublishAsync("""{"data":"before"}""");
        await using var page = await BrowserPage.OpenAsync(server.Port);
        await page.ShowPublishedAsync();
        await Expect(page.Text("begin")).ToHaveTextAsync(BeginPattern("The page was opened at"));
        using var answer = await server.PostAsync("/events", "application/x-ndjson", Batch(0, 600));
        await Expect(page.Rows).ToHaveCountAsync(500);
        await Expect(page.Text("begin")).ToHaveTextAsync("Older events are kept, but not shown.");
        await page.Button("Show older").ClickAsync();
        await Expect(page.Rows).ToHaveCountAsync(600);
        await Expect(page.Text("begin")).ToHaveTextAsync(BeginPattern("The page was opened at"));
        await page.Button("Clear").ClickAsync();
        await Expect(page.Text("begin")).ToHaveTextAsync(BeginPattern("The list was cleared at"));
        await page.Tab.ReloadAsync();
        await Expect(page.Text("begin")).ToHaveTextAsync(BeginPattern("The list goes on from where this tab was until"));
    }

    [Test]
    public async Task The_chart_of_events_per_second_moves_while_events_flow()
    {
        await using var server = TestServer.StartWithPages(options => options with { PresenceLimit = 0 });
        await using var page = await BrowserPage.OpenAsync(server.Port);

        // Time stands still but for what the test adds, and the page's timer goes off when the test says so: always after an event.
        await page.Tab.AddInitScriptAsync("""
            window.time = 1_000_000;
            performance.now = () => time;
            window.setInterval = callback => { window.tick = callback; };
            """);
        await page.Tab.ReloadAsync();
        await page.ClientIdAsync();
        for (var events = 1; events <= 3; events++)
        {
            await page.Tab.EvaluateAsync("() => { time += 1000; }");
            using var answer = await server.PostAsync("/events", "application/x-ndjson", Batch(10 * events, events));
            await page.ExpectDataAsync($"{(11 * events) - 1}");
            await page.Tab.EvaluateAsync("() => tick()");
            await Expect(page.Text("rate-now")).ToHaveTextAsync($"{Math.Max(1, events - 1)}");
        }
    }

    [Test]
    public async Task A_filter_holds_for_what_is_there_and_for_what_comes()
    {
        await using var server = TestServer.StartWithPages();
        await using var page = await BrowserPage.OpenAsync(server.Port);
        await server.PublishAsync("""{"type":"alert","data":"Fire"}""");
        await server.PublishAsync("""{"type":"note","data":"fire drill"}""");
        await server.PublishAsync("""{"type":"note","data":"lunch"}""");
        await page.ExpectDataAsync("\"lunch\"");

        await page.Field("Type").First.SelectOptionAsync("note");
        await Expect(page.Rows).ToHaveCountAsync(2);
        await page.Field("Containing").FillAsync("FIRE");
        await Expect(page.Rows).ToHaveCountAsync(1);
        await server.PublishAsync("""{"type":"alert","data":"fire again"}""");
        await server.PublishAsync("""{"type":"note","data":"dinner"}""");
        await server.PublishAsync("""{"type":"note","data":"fire is out"}""");
        await page.ExpectDataAsync("\"fire is out\"", "\"fire drill\"");
        await Expect(page.Rows).ToHaveCountAsync(2);
        await Expect(page.Text("count")).ToHaveTextAsync("7 received, 2 shown");

        await page.Field("Containing").FillAsync("");
        await page.ShowPublishedAsync();
        await page.ExpectDataAsync("\"fire is out\"", "\"dinner\"", "\"fire again\"", "\"lunch\"", "\"fire drill\"", "\"Fire\"");
        await Expect(page.Rows).ToHaveCountAsync(6);
        await page.Field("Containing").FillAsync("nowhere");
        await Expect(page.Text("empty")).ToContainTextAsync("Nothing that is kept matches the filter.");
    }

    [Test]
    public async Task A_paused_view_counts_what_waits_and_shows_it_in_order_when_resumed()
    {
        await using var server = TestServer.StartWithPages();
        await using var page = await BrowserPage.OpenAsync(server.Port);
        await server.PublishAsync("""{"data":"before"}""");
        await page.ExpectDataAsync("\"before\"");
        await page.Button("Pause").ClickAsync();
        await server.PublishAsync("""{"data":1}""");
        await server.PublishAsync("""{"data":2}""");
        await server.PublishAsync("""{"data":3}""");
        await Expect(page.Text("waiting")).ToHaveTextAsync("Paused, 3 waiting");
        await page.ExpectDataAsync("\"before\"");
        await page.Button("Clear").ClickAsync();
        await Expect(page.Rows).ToHaveCountAsync(0);
        await page.Button("Resume").ClickAsync();
        await page.ExpectDataAsync("3", "2", "1");
        await Expect(page.Rows).ToHaveCountAsync(3);
        await Expect(page.Text("waiting")).ToBeHiddenAsync();
    }

    [Test]
    public async Task Of_what_waits_the_newest_50_000_are_kept_and_the_page_says_how_many_had_to_go()
    {
        await using var server = TestServer.StartWithPages();
        await using var page = await BrowserPage.OpenAsync(server.Port);
        await page.Button("Pause").ClickAsync();
        for (var batch = 0; batch < 5; batch++)
        {
            using var answer = await server.PostAsync("/events", "application/x-ndjson", Batch(batch * 12_000, 12_000));
        }

        await Expect(page.Text("waiting")).ToHaveTextAsync(
            new Regex("^Paused, 60,000 waiting, but the oldest ([5-9]|10),[0-9]{3} had to go$"));
        await page.ShowPublishedAsync();
        await Expect(page.Text("empty")).ToContainTextAsync("Paused: what has come since waits.");
        await page.Button("Resume").ClickAsync();
        await Expect(page.Text("gap")).ToContainTextAsync("The pause was too long for all to be kept");
        await page.ExpectDataAsync("59999", "59998");
        await Expect(page.Rows).ToHaveCountAsync(500);
        await page.Button("Show older").ClickAsync();
        await Expect(page.Rows).ToHaveCountAsync(1000);
        await Expect(page.Data.Last).ToHaveTextAsync("59000");
        await page.Field("Containing").FillAsync("12345");
        await page.ExpectDataAsync("12345");
        await Expect(page.Rows).ToHaveCountAsync(1);
        await Expect(page.Text("begin")).ToHaveTextAsync("Older events are not shown here. The page keeps only the newest.");
    }

    [Test]
    public async Task Nobody_can_publish_a_gap_or_a_client_that_is_none()
    {
        await using var server = TestServer.StartWithPages();
        await using var page = await BrowserPage.OpenAsync(server.Port);
        await server.PublishAsync("""{"type":"gap","data":{"lastEventId":"call this number"}}""");
        await server.PublishAsync("""{"type":"join","data":{"joined":"call this number"}}""");
        await Expect(page.Rows).ToHaveCountAsync(3);
        await Expect(page.Text("gap")).ToBeHiddenAsync();
        await Expect(page.Tab.Locator("#comings li")).ToHaveCountAsync(0);
    }

    private static Regex BeginPattern(string why) => new($"^Older events are not shown here\\. {why} [0-9:]{{8}}\\.$");

    internal static string Batch(int first, int count) =>
        string.Join('\n', Enumerable.Range(first, count).Select(n => $$"""{"type":"tick","data":{{n}}}"""));
}
