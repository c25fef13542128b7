using System.Text.RegularExpressions;
using SseListener.Tests.Support;
using static SseListener.Tests.Support.BrowserPage;

namespace SseListener.Tests.Browsing;

/// <summary>The form that publishes, what becomes of it, and the command that does the same.</summary>
[Parallelizable(ParallelScope.Self)]
public sealed partial class PublishingFromThePage
{
    [Test]
    public async Task What_is_published_comes_back_and_the_page_says_after_how_long()
    {
        await using var server = TestServer.StartWithPages();
        await using var page = await BrowserPage.OpenAsync(server.Port);
        for (var n = 1; n <= 3; n++)
        {
            var id = await page.PublishAsync($"{n}");
            await page.ExpectDataAsync($"{n}");
            await Expect(page.Result).ToHaveTextAsync(new Regex($"^Published as {Regex.Escape(id)}, and back here after [0-9.]+ m?s$"));
        }

        await Expect(page.Text("latency-now")).ToHaveTextAsync(DurationPattern());
        await Expect(page.Text("latency-text")).ToHaveTextAsync(new Regex("^median .*s, worst .*s of 3$"));
        await Expect(page.Tab.Locator("#latency-chart path")).ToHaveAttributeAsync("d", new Regex("^(M[0-9.]+,32V[0-9.]+){3}$"));
    }

    [Test]
    public async Task An_event_that_is_back_before_the_answer_is_measured_too()
    {
        await using var server = TestServer.StartWithPages();
        await using var page = await BrowserPage.OpenAsync(server.Port);
        var isBack = new TaskCompletionSource();
        await page.Tab.RouteAsync("**/events", async route =>
        {
            var answer = await route.FetchAsync();
            await isBack.Task;
            await route.FulfillAsync(new() { Response = answer });
        });
        await page.Field("Data").FillAsync("\"early\"");
        await page.Button("Publish").ClickAsync();
        await page.ExpectDataAsync("\"early\"");
        await Expect(page.Result).ToHaveTextAsync("Publishing…");
        isBack.SetResult();
        await Expect(page.Result).ToContainTextAsync(", and back here after ");
    }

    [Test]
    public async Task Ctrl_Enter_publishes_and_a_type_of_ones_own_is_heard()
    {
        await using var server = TestServer.StartWithPages();
        await using var page = await BrowserPage.OpenAsync(server.Port);
        await page.Tab.Locator("#publish").GetByLabel("Type").FillAsync("unheard-of");
        await page.Field("Text").CheckAsync();
        await page.Field("Id").FillAsync("my own id");
        await page.Field("Data").FillAsync("it's text");
        await page.Field("Data").PressAsync("Control+Enter");
        await page.ExpectDataAsync("it's text");
        await Expect(page.Rows.First.Locator(".type")).ToHaveTextAsync("unheard-of");
        await Expect(page.Result).ToContainTextAsync("Published as my own id, and back here after ");
    }

    [Test]
    public async Task What_is_wrong_stands_at_the_field_and_a_refusal_says_why()
    {
        await using var server = TestServer.StartWithPages();
        await using var page = await BrowserPage.OpenAsync(server.Port, expected: "status of 400");
        await page.Field("Data").FillAsync("{nested}");
        await Expect(page.Text("curl")).ToHaveTextAsync("There is a mistake in the form.");
        await Expect(page.Button("Copy the command")).ToBeDisabledAsync();
        await page.Button("Publish").ClickAsync();
        await Expect(page.Text("data-error")).ToContainTextAsync("This is not valid JSON:");
        await Expect(page.Field("Data")).ToBeFocusedAsync();
        await page.Field("Data").FillAsync("{}");
        await Expect(page.Text("data-error")).ToBeHiddenAsync();
        await page.Field("Id").FillAsync("earliest");
        await page.Button("Publish").ClickAsync();
        await Expect(page.Result).ToHaveTextAsync("Refused (400): The id \"earliest\" is reserved.");
    }

    [TestCase("JSON", "alert", "", "", """{"nested":"here"}""")]
    [TestCase("JSON", "it's", "o'1", "orders/42", " {\"n\":12345678901234567890,\n \"quote\":\"it's $HOME `id` \\\\ !\"} ")]
    [TestCase("Text", "", "", "", "it's\n$HOME `id` \\ \"!\" é 😀 @file")]
    [TestCase("Text", "a type & more=1", "#1?", "a:b@c~d", "@file")]
    [TestCase("Text", "", "", "", "")]
    public async Task The_command_sends_what_the_form_sends(string format, string type, string id, string channel, string data)
    {
        await using var server = TestServer.StartWithPages();
        await using var page = await BrowserPage.OpenAsync(server.Port);
        await page.Field(format).CheckAsync();
        await page.Tab.Locator("#publish").GetByLabel("Type").FillAsync(type);
        await page.Tab.Locator("#publish").GetByLabel("Channel").FillAsync(channel);
        await page.Field("Id").FillAsync(id);
        await page.Field("Data").FillAsync(data);
        await page.Button("Copy the command").ClickAsync();
        await Expect(page.Text("curl-copy")).ToContainTextAsync("Copied");
        var command = await page.ClipboardAsync();
        var sent = await page.Tab.RunAndWaitForRequestAsync(
            () => page.Button("Publish").ClickAsync(), request => request.Method == "POST");
        await Expect(page.Result).ToContainTextAsync("Published as ");
        Assert.That(await ArgumentsAsync(command), Is.EqualTo(new[]
        {
            sent.Url, "-H", "Content-Type: " + sent.Headers["content-type"], "--data-raw", sent.PostData ?? "",
        }));
    }

    [Test]
    public async Task A_button_that_could_not_copy_says_so_for_a_moment_however_often_it_is_pressed()
    {
        await using var server = TestServer.StartWithPages();
        await using var page = await BrowserPage.OpenAsync(server.Port);
        await page.Tab.EvaluateAsync("""
            () => {
              const wait = setTimeout;
              window.moments = [];
              window.setTimeout = (end, time) => time === 3000 ? moments.push(end) : wait(end, time);
              navigator.clipboard.writeText = () => Promise.reject();
            }
            """);
        var button = page.Text("curl-copy");
        await button.ClickAsync();
        await Expect(button).ToContainTextAsync("Not copied");
        await button.ClickAsync();
        await page.Tab.EvaluateAsync("() => moments.forEach(end => end())");
        await Expect(button).ToHaveTextAsync("Copy the command");
        await button.ClickAsync();
        await Expect(button).ToContainTextAsync("Not copied");
        await page.Tab.EvaluateAsync("() => { navigator.clipboard.writeText = () => Promise.resolve(); }");
        await button.ClickAsync();
        await Expect(button).ToHaveTextAsync("Copied the command");
    }

    [TestCase("JSON")]
    [TestCase("Text")]
    public async Task Without_data_it_only_ends_the_channel(string format)
    {
        await using var server = TestServer.StartWithPages();
        await using var page = await BrowserPage.OpenAsync(server.Port);
        await page.Field(format).CheckAsync();
        await page.Field("Data").FillAsync("");
        await page.Tab.Locator("#ends").CheckAsync();
        await page.Button("Publish").ClickAsync();
        await Expect(page.Result).ToHaveTextAsync("The channel default has ended.");
    }

    // What a shell hands to curl, whether curl is installed or not.
    private static async Task<string[]> ArgumentsAsync(string command)
    {
        using var shell = BuiltProgram.Shell($"curl() {{ printf '%s\\037' \"$@\"; }}; {command}");
        Assert.That(await shell.EndAsync(), Is.Zero, shell.Errors);
        return shell.Output.Split('\u001F')[..^1];
    }

    [GeneratedRegex("^[0-9.]+ m?s$")]
    private static partial Regex DurationPattern();
}
