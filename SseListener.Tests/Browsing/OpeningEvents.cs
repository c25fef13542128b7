using Microsoft.Playwright;
using SseListener.Tests.Support;
using static SseListener.Tests.Support.BrowserPage;

namespace SseListener.Tests.Browsing;

/// <summary>One event of the list: its line, and the whole to which it opens.</summary>
[Parallelizable(ParallelScope.Self)]
public sealed class OpeningEvents
{
    [Test]
    public async Task A_row_opens_to_its_whole_data_and_stays_open_when_the_list_is_shown_anew()
    {
        var text = string.Concat(Enumerable.Range(0, 100_000).Select(n => $"{n}\n"));
        await using var server = TestServer.StartWithPages();
        await using var page = await BrowserPage.OpenAsync(server.Port);
        using var answer = await server.PostAsync("/events?id=long", "text/plain", text);
        await Expect(page.Rows).ToHaveCountAsync(2);
        await Expect(page.Whole).ToHaveCountAsync(0);
        await page.OpenFirstAsync();
        Assert.That(await page.Whole.TextContentAsync(), Is.EqualTo(text));
        await Expect(page.Rows.First).ToContainTextAsync("type message · id long · channel default · 588,890 characters");
        await page.Field("Type").First.SelectOptionAsync("message");
        await Expect(page.Rows).ToHaveCountAsync(1);
        Assert.That(await page.Whole.TextContentAsync(), Is.EqualTo(text));
        await page.OpenFirstAsync();
        await Expect(page.Whole).ToHaveCountAsync(0);
    }

    [Test]
    public async Task What_is_nested_deep_is_shown_as_a_whole_too()
    {
        var data = new string('[', 20_000) + new string(']', 20_000);
        await using var server = TestServer.StartWithPages();
        await using var page = await BrowserPage.OpenAsync(server.Port);
        using var answer = await server.PostAsync("/events?type=deep", "text/plain", data);
        await Expect(page.Rows.First.Locator(".type")).ToHaveTextAsync("deep");
        await page.OpenFirstAsync();
        Assert.That(string.Concat((await page.Whole.TextContentAsync())!.Where(c => !char.IsWhiteSpace(c))), Is.EqualTo(data));
        await server.PublishAsync("""{"data":"next"}""");
        await page.ExpectDataAsync("\"next\"");
    }

    [Test]
    public async Task An_open_row_shows_JSON_with_other_white_space_and_nothing_else()
    {
        await using var server = TestServer.StartWithPages();
        await using var page = await BrowserPage.OpenAsync(server.Port);
        await server.PublishAsync("""{"data":{"2":12345678901234567890,"1":[1.0,"a, {b}: \"c\"",[],{}],"empty":""}}""");
        await page.ExpectDataAsync("""{"2":12345678901234567890,"1":[1.0,"a, {b}: \"c\"",[],{}],"empty":""}""");
        await page.OpenFirstAsync();
        Assert.That(await page.Whole.TextContentAsync(), Is.EqualTo("""
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
    }

    [Test]
    public async Task JSON_is_coloured_and_other_text_is_not()
    {
        await using var server = TestServer.StartWithPages();
        await using var page = await BrowserPage.OpenAsync(server.Port);
        await server.PublishAsync("""{"data":{"name":["text \" : 1",-1.5e+3,true,null]}}""");
        await page.ExpectDataAsync("""{"name":["text \" : 1",-1.5e+3,true,null]}""");
        await page.OpenFirstAsync();
        foreach (var place in (ILocator[])[page.Data.First, page.Whole])
        {
            await Expect(place.Locator("span")).ToHaveTextAsync(["\"name\"", "\"text \\\" : 1\"", "-1.5e+3", "true", "null"]);
            Assert.That(
                await place.EvaluateAsync<string>("place => [...place.children].map(token => token.className).join(' ')"),
                Is.EqualTo("name string number word word"));
            Assert.That(
                await place.EvaluateAsync<int>("place => new Set([...place.children].map(token => getComputedStyle(token).color)).size"),
                Is.EqualTo(4));
        }

        using var answer = await server.PostAsync("/events", "text/plain", "{not \"JSON\": 1}");
        await page.ExpectDataAsync("{not \"JSON\": 1}");
        await Expect(page.Data.First.Locator("span")).ToHaveCountAsync(0);
    }

    [Test]
    public async Task An_event_is_copied_as_it_came()
    {
        await using var server = TestServer.StartWithPages();
        await using var page = await BrowserPage.OpenAsync(server.Port);
        using var answer = await server.PostAsync("/events?type=note&id=own", "text/plain", "two\nlines");
        await Expect(page.Rows.First.Locator(".type")).ToHaveTextAsync("note");
        await page.OpenFirstAsync();
        await page.Button("Copy event own").ClickAsync();
        await Expect(page.Rows.First.Locator(".copy")).ToHaveTextAsync("Copied");
        Assert.That(await page.ClipboardAsync(), Is.EqualTo("event: note\ndata: two\ndata: lines\nid: own\n\n"));
    }
}
