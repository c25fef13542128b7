using SseListener.Tests.Support;
using static SseListener.Tests.Support.BrowserPage;

namespace SseListener.Tests.Browsing;

/// <summary>Where the page begins, and that it shows an end.</summary>
[Parallelizable(ParallelScope.Self)]
public sealed class EndingAndRewinding
{
    [Test]
    public async Task It_ends_a_channel_shows_the_end_and_asks_no_more()
    {
        await using var server = TestServer.StartWithPages(options => options with { Retry = TimeSpan.FromMilliseconds(100) });
        await using var page = await BrowserPage.OpenAsync(server.Port, "/?channel=llm/1");
        await page.ExpectStateAsync("Live");
        await page.Tab.Locator("#ends").CheckAsync();
        await Expect(page.Tab.Locator("#curl")).ToContainTextAsync("channel=llm/1&end=1");
        await page.Tab.Locator("#data").FillAsync("\"last\"");
        await page.Button("Publish").ClickAsync();
        await page.ExpectStateAsync("Ended");
        await Expect(page.Text("lost-text")).ToHaveTextAsync("llm/1: all has ended, and you have had all of it.");
        await Expect(page.Rows.Locator(".type").First).ToHaveTextAsync("end");
        await page.ShowPublishedAsync();
        await page.ExpectDataAsync("\"last\"");
        await Expect(page.Tab.Locator("#ends")).Not.ToBeCheckedAsync();
        await Wait.UntilAsync(() => server.Server.Clients.Count == 0, "it is still there");

        // Another channel goes on.
        await page.ListenAsync("llm/2");
        await page.ExpectStateAsync("Live");
        await page.Tab.Locator("#ends").CheckAsync();
        await page.Tab.Locator("#data").FillAsync("");
        await page.Button("Publish").ClickAsync();
        await page.ExpectStateAsync("Ended");
    }

    [Test]
    public async Task It_begins_as_far_back_as_is_chosen_and_so_does_a_link()
    {
        await using var server = TestServer.StartWithPages();
        for (var i = 1; i <= 12; i++)
            await server.PublishAsync($$"""{"data":{{i}}}""", "a");

        await using var page = await BrowserPage.OpenAsync(server.Port, "/?channel=a");
        await page.ShowPublishedAsync();
        await page.ExpectStateAsync("Live");
        await page.Field("Begin with").SelectOptionAsync("10");
        await page.ListenAsync("a");
        await page.ExpectDataAsync([.. Enumerable.Range(3, 10).Reverse().Select(i => $"{i}")]);
        Assert.That(page.Tab.Url, Does.EndWith("/?channel=a&rewind=10"));
        await using var other = await BrowserPage.OpenAsync(server.Port, new Uri(page.Tab.Url).PathAndQuery);
        await other.ShowPublishedAsync();
        await Expect(other.Rows).ToHaveCountAsync(10);
    }

    [Test]
    public async Task A_link_may_begin_elsewhere_than_the_choices_say_and_one_that_the_hub_refuses_is_shown()
    {
        await using var server = TestServer.StartWithPages();
        for (var i = 1; i <= 12; i++)
            await server.PublishAsync($$"""{"data":{{i}}}""", "a");

        await using var page = await BrowserPage.OpenAsync(server.Port, "/?channel=a&rewind=3", expected: "status of 400");
        await page.ShowPublishedAsync();
        await page.ExpectDataAsync("12", "11", "10");
        await Expect(page.Rows).ToHaveCountAsync(3);
        await Expect(page.Field("Begin with")).ToHaveValueAsync("3");
        Assert.That(page.Tab.Url, Does.EndWith("/?channel=a&rewind=3"));
        await page.Tab.GotoAsync($"http://localhost:{server.Port}/?channel=b&rewind=1%26channel%3Da");
        await Expect(page.Text("lost-text")).ToContainTextAsync("rewind is a number of events, or an age");
    }
}
