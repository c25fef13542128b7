using System.Text.RegularExpressions;
using SseListener.Tests.Support;
using static SseListener.Tests.Support.BrowserPage;

namespace SseListener.Tests.Browsing;

/// <summary>Who is here: those who were here before, and those who come.</summary>
[Parallelizable(ParallelScope.Self)]
public sealed class MeetingOthers
{
    [Test]
    public async Task Those_who_come_are_listed_until_they_go_and_both_are_noted()
    {
        await using var server = TestServer.StartWithPages();
        await using var page = await BrowserPage.OpenAsync(server.Port);
        var self = await page.ClientIdAsync();

        // From here on it hears of each who comes, and does not find two at once.
        await Expect(page.Text("people-count")).ToHaveTextAsync("1");
        string first, second;
        await using (var one = await server.SubscribeAsync())
        await using (var another = await server.SubscribeAsync())
        {
            (first, second) = (one.ClientId, another.ClientId);
            await Expect(page.Tab.Locator("#people li")).ToHaveTextAsync([$"{self} (you)", first, second]);
            await Expect(page.Text("people-count")).ToHaveTextAsync("3");
            await one.DisposeAsync();
            await Expect(page.Tab.Locator("#people li")).ToHaveTextAsync([$"{self} (you)", second]);
        }

        await Expect(page.Text("people-count")).ToHaveTextAsync("1");
        await Expect(page.Tab.Locator("#comings li")).ToHaveTextAsync(
            [Line(second, "left"), Line(first, "left"), Line(second, "joined"), Line(first, "joined")]);
    }

    [Test]
    public async Task Somebody_on_two_channels_is_one()
    {
        await using var server = TestServer.StartWithPages();
        await using var page = await BrowserPage.OpenAsync(server.Port, "/?channel=a&channel=b");
        await using var one = await server.SubscribeAsync("?channel=a&channel=b");
        await Expect(page.Text("people-count")).ToHaveTextAsync("2");
        await Expect(page.Tab.Locator("#comings li").First).ToContainTextAsync(new Regex(" joined [ab]$"));
        await one.DisposeAsync();
        await Expect(page.Text("people-count")).ToHaveTextAsync("1");
    }

    [Test]
    public async Task Two_pages_see_each_other_and_each_is_one_client()
    {
        await using var server = TestServer.StartWithPages();
        await using var watcher = await server.SubscribeAsync();
        await using var page = await BrowserPage.OpenAsync(server.Port);
        await using var other = await BrowserPage.OpenAsync(server.Port);
        var (first, second) = (await page.ClientIdAsync(), await other.ClientIdAsync());
        await ExpectPeopleAsync(page, $"{first} (you)", watcher.ClientId, second);
        await ExpectPeopleAsync(other, $"{second} (you)", watcher.ClientId, first);
        Assert.That((await watcher.NextAsync()).Data, Does.Contain(first));
        Assert.That((await watcher.NextAsync()).Data, Does.Contain(second));
        await server.ExpectNothingArrivedAsync(watcher);
    }

    [Test]
    public async Task Those_who_were_here_before_are_listed_by_their_users()
    {
        await using var server = TestServer.StartWithPages(options => options with { JwtKey = SignedTokens.Key(Jwt.Secret) });
        await using var ann = await server.SubscribeAsync("?token=" + Jwt.For(user: "ann"));
        await using var nobody = await server.SubscribeAsync();
        await using var page = await BrowserPage.OpenAsync(server.Port);
        var people = page.Tab.Locator("#people li");
        await ExpectPeopleAsync(page, $"{await page.ClientIdAsync()} (you)", "ann", nobody.ClientId);
        await Expect(page.Text("people-count")).ToHaveTextAsync("3");
        await Expect(page.Tab.GetByText("ann", new() { Exact = true })).ToHaveAttributeAsync("title", ann.ClientId);
        await using (await server.SubscribeAsync("?token=" + Jwt.For(user: "<b>bob")))
        {
            await Expect(people.Nth(3)).ToHaveTextAsync("<b>bob");
        }

        await Expect(page.Tab.Locator("#comings li").First).ToHaveTextAsync(Line("<b>bob", "left"));
        await ann.DisposeAsync();
        await Expect(people).ToHaveCountAsync(2);
        await Expect(page.Text("people-count")).ToHaveTextAsync("2");
    }

    [Test]
    public async Task Those_on_any_of_its_channels_are_listed()
    {
        await using var server = TestServer.StartWithPages();
        await using var one = await server.SubscribeAsync("?channel=a");
        await using var another = await server.SubscribeAsync("?channel=b");
        await using var page = await BrowserPage.OpenAsync(server.Port, "/?channel=a&channel=b&channel=c/*");
        await Expect(page.Text("people-count")).ToHaveTextAsync("3");
    }

    // In any order: the hub tells of those who were here before as its lanes have them.
    private static Task ExpectPeopleAsync(BrowserPage page, params string[] names) => Wait.UntilAsync(
        async () => (await page.Tab.Locator("#people li").AllInnerTextsAsync()).Order().SequenceEqual(names.Order()), "others are listed");

    private static Regex Line(string id, string what) => new($"^[0-9:]{{8}} {Regex.Escape(id)} {what}$");
}
