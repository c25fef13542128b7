using System.Text.RegularExpressions;
using SseListener.Tests.Support;
using static SseListener.Tests.Support.BrowserPage;

namespace SseListener.Tests.Browsing;

/// <summary>A page whose server goes away, comes back, or has no room.</summary>
[Parallelizable(ParallelScope.Self)]
public sealed partial class LosingTheServer
{
    // What the browser itself says on the console of a connection that breaks.
    private const string Broken = "net::ERR_";

    [Test]
    public async Task What_was_missed_while_the_server_was_killed_arrives_in_order()
    {
        using var data = new TempFolder();
        var options = $"--data {data.Path} --retry 3s";
        var (program, port) = await BuiltProgram.ListenAsync(options);
        using var first = program;
        await using var page = await BrowserPage.OpenAsync(port, expected: Broken);
        await BuiltProgram.PublishAsync(port, """{"data":"seen"}""");
        await page.ExpectDataAsync("\"seen\"");

        program.Signal("KILL");
        await page.ExpectStateAsync("Reconnecting…");
        await Expect(page.Lost).ToContainTextAsync("The connection is lost.");
        await page.ExpectStateAsync("Server gone");
        await Expect(page.Lost).ToContainTextAsync("The server is gone, or has no room.");
        await program.EndAsync();

        using var again = await BuiltProgram.ListenAgainAsync(port, options);
        foreach (var n in Enumerable.Range(1, 5))
            await BuiltProgram.PublishAsync(port, $$"""{"data":{{n}}}""");

        await page.ExpectStateAsync("Live");
        await page.ExpectDataAsync("5", "4", "3", "2", "1");
        await Expect(page.Rows.Filter(new() { HasText = "message" })).ToHaveCountAsync(6);
        await Expect(page.Lost).ToBeHiddenAsync();
        await Expect(page.Text("gap")).ToBeHiddenAsync();
    }

    [Test]
    public async Task The_banner_counts_down_what_the_server_asked_for_and_nobody_has_to_wait_for_it()
    {
        using var data = new TempFolder();
        var (program, port) = await BuiltProgram.ListenAsync($"--data {data.Path} --retry 300s");
        using var first = program;
        await using var page = await BrowserPage.OpenAsync(port, expected: Broken);
        await page.ClientIdAsync();
        program.Signal("KILL");
        await page.ExpectStateAsync("Reconnecting…");

        // 300 s, a quarter more or less, and what has passed of it.
        await Expect(page.Text("countdown")).ToHaveTextAsync(CountdownPattern());
        var shown = await page.Text("countdown").InnerTextAsync();
        await Expect(page.Text("countdown")).Not.ToHaveTextAsync(shown);
        await program.EndAsync();
        using var again = await BuiltProgram.ListenAgainAsync(port, $"--data {data.Path}");
        await page.Button("Try now").ClickAsync();
        await page.ExpectStateAsync("Live");
        await Expect(page.Lost).ToBeHiddenAsync();
    }

    [Test]
    public async Task A_gap_is_told_until_it_is_dismissed()
    {
        var (program, port) = await BuiltProgram.ListenAsync("--data none --retry 200ms");
        using var first = program;
        await using var page = await BrowserPage.OpenAsync(port, expected: Broken);
        var id = await page.PublishAsync("1");
        await page.ExpectDataAsync("1");
        program.Signal("KILL");
        await page.ExpectStateAsync("Server gone");
        await program.EndAsync();
        using var again = await BuiltProgram.ListenAgainAsync(port, "--data none");
        await Expect(page.Text("gap")).ToContainTextAsync($"Gap: what came between event {id} and ");
        await page.Button("Dismiss the gap").ClickAsync();
        await Expect(page.Text("gap")).ToBeHiddenAsync();
    }

    [Test]
    public async Task Whoever_disconnects_gets_what_he_missed_when_he_connects()
    {
        await using var server = TestServer.StartWithPages();
        await using var page = await BrowserPage.OpenAsync(server.Port);
        await page.ShowPublishedAsync();
        await server.PublishAsync("""{"data":0}""");
        await page.ExpectDataAsync("0");
        await page.Button("Disconnect").ClickAsync();
        await page.ExpectStateAsync("Not connected");
        await server.PublishAsync("""{"data":1}""");
        await server.PublishAsync("""{"data":2}""");
        await Expect(page.Rows).ToHaveCountAsync(1);
        await page.Button("Connect").ClickAsync();
        await page.ExpectDataAsync("2", "1");
        await Expect(page.Rows).ToHaveCountAsync(3);
    }

    [Test]
    public async Task A_page_that_has_not_got_an_event_yet_gets_what_it_missed_and_nothing_older()
    {
        await using var server = TestServer.StartWithPages();
        using var before = await server.PostAsync("/events", "application/x-ndjson", WatchingEvents.Batch(0, 40));
        await using var page = await BrowserPage.OpenAsync(server.Port);
        await page.Button("Disconnect").ClickAsync();
        await page.ExpectStateAsync("Not connected");
        await server.PublishAsync("""{"data":"while away"}""");
        await server.PublishAsync("""{"data":"still away"}""");
        await page.Button("Connect").ClickAsync();
        await page.ShowPublishedAsync();
        await page.ExpectDataAsync("\"still away\"", "\"while away\"");
        await Expect(page.Rows).ToHaveCountAsync(2);
        await page.PublishAsync("\"back\"");
        await page.ExpectDataAsync("\"back\"", "\"still away\"", "\"while away\"");
        await Expect(page.Rows).ToHaveCountAsync(3);
    }

    [Test]
    public async Task A_position_is_no_id_of_an_event()
    {
        await using var server = TestServer.StartWithPages();
        await using var page = await BrowserPage.OpenAsync(server.Port);
        await Expect(page.Rows.Locator(".type")).ToHaveTextAsync(["hello"]);
        await Expect(page.Rows.Locator(".id")).ToHaveTextAsync([""]);
        var position = await page.Text("last-id").InnerTextAsync();
        Assert.That(position, Does.StartWith("@"));
        await page.Button("Disconnect").ClickAsync();
        await page.ExpectStateAsync("Not connected");
        await page.Button("Connect").ClickAsync();
        await Expect(page.Rows.Locator(".type").Filter(new() { HasText = "hello" })).ToHaveCountAsync(2);
        await Expect(page.Rows.Filter(new() { HasText = "hello" }).Locator(".id")).ToHaveTextAsync(["", ""]);
    }

    [Test]
    public async Task A_page_without_an_event_gets_what_it_missed_while_the_server_was_killed()
    {
        using var data = new TempFolder();
        var options = $"--data {data.Path} --retry 1s";
        var (program, port) = await BuiltProgram.ListenAsync(options);
        using var first = program;
        await using var page = await BrowserPage.OpenAsync(port, expected: Broken);
        program.Signal("KILL");
        await program.EndAsync();
        using var again = await BuiltProgram.ListenAgainAsync(port, options);
        await BuiltProgram.PublishAsync(port, """{"data":"while away"}""");
        await page.ExpectStateAsync("Live");
        await page.ShowPublishedAsync();
        await page.ExpectDataAsync("\"while away\"");
        await Expect(page.Rows).ToHaveCountAsync(1);
    }

    [Test]
    public async Task A_reload_goes_on_where_the_page_was()
    {
        await using var server = TestServer.StartWithPages();
        await using var page = await BrowserPage.OpenAsync(server.Port);
        await page.ShowPublishedAsync();
        await server.PublishAsync("""{"data":0}""");
        await page.ExpectDataAsync("0");
        await page.Button("Disconnect").ClickAsync();
        await server.PublishAsync("""{"data":1}""");
        await page.Tab.ReloadAsync();
        await page.ExpectStateAsync("Live");
        await page.ShowPublishedAsync();
        await page.ExpectDataAsync("1");
        await Expect(page.Rows).ToHaveCountAsync(1);
        await Expect(page.Tab.Locator("#comings li")).ToHaveCountAsync(0);
    }

    [Test]
    public async Task A_server_without_room_is_asked_again_by_itself()
    {
        await using var server = TestServer.StartWithPages(options => options with { MaxClients = 1 });
        var one = await server.SubscribeAsync();
        await using var page = await BrowserPage.VisitAsync(server.Port, expected: Broken);
        await page.ExpectStateAsync("Server gone");
        await one.DisposeAsync();
        await page.ExpectStateAsync("Live");
        await Expect(page.Lost).ToBeHiddenAsync();
    }

    [Test]
    public async Task A_proxy_whose_server_is_away_is_asked_again_by_itself()
    {
        await using var server = TestServer.StartWithPages();
        await using var page = await BrowserPage.OpenAsync(server.Port, expected: "status of 502");
        await page.Tab.RouteAsync("**/events?*", route => route.FulfillAsync(new() { Status = 502 }));
        await page.Button("Disconnect").ClickAsync();
        await page.Button("Connect").ClickAsync();
        await page.ExpectStateAsync("Refused");
        await Expect(page.Lost).ToHaveTextAsync(RefusedPattern());
        await page.Tab.UnrouteAsync("**/events?*");
        await page.ExpectStateAsync("Live");
        await Expect(page.Lost).ToBeHiddenAsync();
    }

    [GeneratedRegex("^Reconnecting in [1-3][0-9][0-9] s\\.$")]
    private static partial Regex CountdownPattern();

    [GeneratedRegex("The server refuses \\(502\\): .*\\. .*(Trying again in [1-5] s\\.|Trying now…)", RegexOptions.Singleline)]
    private static partial Regex RefusedPattern();
}
