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

    [Test]
    public async Task A_type_that_is_named_arrives_from_then_on()
    {
        await using var server = TestServer.StartWithPages();
        await using var page = await BrowserPage.OpenAsync(server.Port);
        await server.PublishAsync("""{"type":"rare","data":1}""");
        await page.Field("More event types").FillAsync("rare, open");
        await page.Button("Listen").ClickAsync();
        await server.PublishAsync("""{"type":"rare","data":2}""");
        await page.ExpectDataAsync("2");
        await Expect(page.Rows).ToHaveCountAsync(2);
        Assert.That(page.Tab.Url, Does.EndWith("?type=rare"));
    }

    [Test]
    public async Task Types_that_EventSource_has_for_itself_are_types_like_others()
    {
        await using var server = TestServer.StartWithPages();
        await using var page = await BrowserPage.OpenAsync(server.Port);
        await server.PublishAsync("""{"type":"error","data":1}""");
        await server.PublishAsync("""{"type":"open","data":2}""");
        await page.ExpectDataAsync("2", "1");
        await page.ExpectStateAsync("Live");
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

        await Expect(page.Text("waiting")).ToHaveTextAsync(new System.Text.RegularExpressions.Regex("^Paused, 60,000 waiting, but the oldest ([5-9]|10),[0-9]{3} had to go$"));
        await page.Field("Pretty JSON").CheckAsync();
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
    }

    [Test]
    public async Task What_is_nested_deep_is_shown_as_far_as_it_is_shown_at_all()
    {
        await using var server = TestServer.StartWithPages();
        await using var page = await BrowserPage.OpenAsync(server.Port);
        await page.Field("Pretty JSON").CheckAsync();
        using var answer = await server.PostAsync("/events", "text/plain", new string('[', 20_000) + new string(']', 20_000));
        await Expect(page.Data.First).ToHaveTextAsync(new System.Text.RegularExpressions.Regex(@"^\[\s+\[[\s\S]*… \([0-9,]+ more characters\)$"));
        await server.PublishAsync("""{"data":"next"}""");
        await Expect(page.Data.First).ToHaveTextAsync("\"next\"");
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

    [Test]
    public async Task Pretty_JSON_has_other_white_space_and_nothing_else()
    {
        await using var server = TestServer.StartWithPages();
        await using var page = await BrowserPage.OpenAsync(server.Port);
        await server.PublishAsync("""{"data":{"2":12345678901234567890,"1":[1.0,"a, {b}: \"c\"",[],{}],"empty":""}}""");
        await page.Field("Pretty JSON").CheckAsync();
        Assert.That(await page.Data.First.TextContentAsync(), Is.EqualTo("""
            {
              "2": 12345678901234567890,
              "1": [
                1.0,
                "a, {b}: \"c\"",
                [],
                {}
              ],
              "empty": ""
            }
            """));
        using var answer = await server.PostAsync("/events", "text/plain", "{not JSON}");
        await page.ExpectDataAsync("{not JSON}");
        await page.Field("Pretty JSON").UncheckAsync();
        await page.ExpectDataAsync("{not JSON}", """{"2":12345678901234567890,"1":[1.0,"a, {b}: \"c\"",[],{}],"empty":""}""");
    }

    [Test]
    public async Task An_event_is_copied_as_it_came()
    {
        await using var server = TestServer.StartWithPages();
        await using var page = await BrowserPage.OpenAsync(server.Port);
        using var answer = await server.PostAsync("/events?type=note&id=own", "text/plain", "two\nlines");
        await page.Button("Copy event own").ClickAsync();
        await Expect(page.Rows.First.Locator(".copy")).ToHaveTextAsync("Copied");
        Assert.That(await page.ClipboardAsync(), Is.EqualTo("event: note\ndata: two\ndata: lines\nid: own\n\n"));
    }

    internal static string Batch(int first, int count) => string.Join('\n', Enumerable.Range(first, count).Select(n => $$"""{"type":"tick","data":{{n}}}"""));
}
