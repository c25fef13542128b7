using SseListener.Tests.Support;
using static SseListener.Tests.Support.BrowserPage;

namespace SseListener.Tests.Browsing;

/// <summary>Listening to channels and patterns of one's choice from the page.</summary>
[Parallelizable(ParallelScope.Self)]
public sealed class ChoosingChannels
{
    [Test]
    public async Task Each_event_is_shown_with_its_channel_and_without_its_envelope()
    {
        await using var server = TestServer.StartWithPages();
        await using var page = await BrowserPage.OpenAsync(server.Port);
        await page.ListenAsync("alerts, orders/*");
        await Expect(page.Data.First).ToContainTextAsync("""["alerts","orders/*"]""");
        await server.PublishAsync("""{"data":{"big":12345678901234567890}}""", "orders/42");
        await server.PublishAsync("""{"data":"of nobody"}""");
        using var answer = await server.PostAsync("/events?channel=alerts", "text/plain", "two\nlines");
        await page.ExpectDataAsync("two\nlines", """{"big":12345678901234567890}""");
        await Expect(page.Rows.Locator(".channel")).ToHaveTextAsync(["alerts", "orders/42", "", "default"]);
        await page.Field("Containing").FillAsync("orders/42");
        await Expect(page.Rows).ToHaveCountAsync(1);
    }

    [Test]
    public async Task They_are_in_the_address_so_that_a_link_leads_to_the_same()
    {
        await using var server = TestServer.StartWithPages();
        await using var page = await BrowserPage.OpenAsync(server.Port);
        await page.ListenAsync("alerts,orders/*  alerts");
        await Expect(page.Data.First).ToContainTextAsync("alerts");
        Assert.That(page.Tab.Url, Does.EndWith("/?channel=alerts&channel=orders/*"));

        await using var other = await BrowserPage.OpenAsync(server.Port, new Uri(page.Tab.Url).PathAndQuery);
        await Expect(other.Field("Channels")).ToHaveValueAsync("alerts, orders/*");
        await server.PublishAsync("""{"data":1}""", "orders/1");
        await other.ExpectDataAsync("1");
    }

    [TestCase("no way!", "“way!” is no channel.")]
    [TestCase("orders*", "“orders*” is no channel.")]
    [TestCase("/*", null)]
    [TestCase("*", "“*” is no channel.")]
    [TestCase("ALL 200", null)]
    [TestCase("ALL 201", "is no channel.")]
    public async Task A_name_that_cannot_be_is_refused_before_anything_is_asked(string names, string? problem)
    {
        await using var server = TestServer.StartWithPages();
        await using var page = await BrowserPage.OpenAsync(server.Port);
        var name = names.StartsWith("ALL ", StringComparison.Ordinal) ? new string('x', int.Parse(names[4..], null)) : names;
        await page.ListenAsync(name);
        if (problem is null)
        {
            await Expect(page.Data.First).ToContainTextAsync($"""["{name}"]""");
        }
        else
        {
            await Expect(page.Text("channels-error")).ToContainTextAsync(problem);
            await Expect(page.Field("Channels")).ToBeFocusedAsync();
        }

        await page.ExpectStateAsync("Live");
    }

    [Test]
    public async Task Other_channels_go_on_from_the_same_place()
    {
        await using var server = TestServer.StartWithPages();
        await using var page = await BrowserPage.OpenAsync(server.Port);
        await page.ShowPublishedAsync();
        await server.PublishAsync("""{"data":"seen"}""");
        await page.ExpectDataAsync("\"seen\"");
        await page.Button("Disconnect").ClickAsync();
        await page.ExpectStateAsync("Not connected");
        await server.PublishAsync("""{"data":"missed here"}""");
        await server.PublishAsync("""{"data":"missed there"}""", "orders/7");
        await page.ListenAsync("default, orders/*");
        await page.ExpectDataAsync("missed there", "missed here");
        await page.ExpectStateAsync("Live");
    }

    [Test]
    public async Task They_can_be_chosen_from_those_there_are()
    {
        await using var server = TestServer.StartWithPages();
        await using var page = await BrowserPage.OpenAsync(server.Port);
        foreach (var channel in (string[])["orders/1", "orders/2", "alerts"])
            await server.PublishAsync("""{"data":1}""", channel);

        var choices = page.Text("there-list").GetByRole(Microsoft.Playwright.AriaRole.Button);
        await page.Tab.GetByText("Choose from those there are").ClickAsync();
        await Expect(choices).ToHaveTextAsync(["alerts", "default", "orders/1", "orders/2"]);
        await Expect(choices.Nth(1)).ToHaveAttributeAsync("aria-pressed", "true");
        await choices.Nth(3).ClickAsync();
        await Expect(page.Field("Channels")).ToHaveValueAsync("default, orders/2");
        await choices.Nth(1).ClickAsync();
        await Expect(page.Field("Channels")).ToHaveValueAsync("orders/2");
        await Expect(choices.Nth(1)).ToHaveAttributeAsync("aria-pressed", "false");
        await Expect(choices.Nth(3)).ToHaveAttributeAsync("aria-pressed", "true");
        await Expect(page.Data.Filter(new() { HasText = "[\"orders/2\"]" })).ToHaveCountAsync(1);
    }

    [Test]
    public async Task A_long_list_of_them_is_shown_in_parts()
    {
        await using var server = TestServer.StartWithPages();
        for (var i = 0; i < 250; i++)
            await server.PublishAsync("""{"data":1}""", $"c/{i:D3}");

        await using var page = await BrowserPage.OpenAsync(server.Port);
        await page.Tab.GetByText("Choose from those there are").ClickAsync();
        var choices = page.Text("there-list").GetByRole(Microsoft.Playwright.AriaRole.Button);
        await Expect(choices).ToHaveCountAsync(200);
        await page.Button("Show more channels").ClickAsync();
        await Expect(choices).ToHaveCountAsync(251);
        await Expect(choices.Last).ToHaveTextAsync("default");
        await Expect(page.Text("there-more")).ToBeHiddenAsync();
    }

    [Test]
    public async Task The_form_publishes_to_the_first_of_them_and_says_when_that_is_not_heard_here()
    {
        await using var server = TestServer.StartWithPages();
        await using var page = await BrowserPage.OpenAsync(server.Port, "/?channel=user/*&channel=alerts");
        await page.PublishAsync("1");
        await Expect(page.Rows.First.Locator(".channel")).ToHaveTextAsync("alerts");
        var form = page.Tab.Locator("#publish");
        await form.GetByLabel("Channel").FillAsync("user/7");
        await page.PublishAsync("2");
        await Expect(page.Rows.First.Locator(".channel")).ToHaveTextAsync("user/7");
        await form.GetByLabel("Channel").FillAsync("elsewhere");
        await page.PublishAsync("3");
        await Expect(page.Result).ToContainTextAsync("You do not listen to elsewhere, so it does not come back.");
        await form.GetByLabel("Channel").FillAsync("user/*");
        await page.Button("Publish").ClickAsync();
        await Expect(page.Text("channel-error")).ToContainTextAsync("An event is published to one channel.");
    }
}
