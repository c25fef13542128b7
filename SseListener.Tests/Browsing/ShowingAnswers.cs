using System.Collections.Concurrent;
using Microsoft.Playwright;
using SseListener.Tests.Support;
using static SseListener.Tests.Support.BrowserPage;

namespace SseListener.Tests.Browsing;

/// <summary>The page, the relay and the application in Node that <c>SseListener/Docs/llm.md</c> shows, with a model that counts.</summary>
[Parallelizable(ParallelScope.Self)]
public sealed class ShowingAnswers
{
    private const string Address = "/answer.html?answer=42";
    private const string Broken = "net::ERR_";
    private const string Ended = "The end.";
    private const string Writing = "Writing …";

    private static readonly Document _document = new("SseListener/Docs/llm.md");
    private static readonly TimeSpan _retry = TimeSpan.FromMilliseconds(200);

    [Test]
    public async Task A_page_that_is_reloaded_in_the_middle_and_one_on_another_device_show_the_whole_answer_once()
    {
        await using var hub = StartHub();
        using var application = await Application.StartAsync(hub.Port);
        await application.BeginAsync(300);
        await using var page = await OpenAsync(hub, application);
        await ShowsAsync(page, " 50 ");
        await page.Tab.ReloadAsync();
        await ShowsAsync(page, " 100 ");
        await using var other = await OpenAsync(hub, application);
        foreach (var shown in (BrowserPage[])[page, other])
            await HasEndedAsync(shown, Text(300));

        await using var late = await OpenAsync(hub, application);
        await HasEndedAsync(late, Text(300));
    }

    [Test]
    public async Task Behind_the_end_the_page_asks_for_nothing_and_an_EventSource_that_is_not_closed_asks_once()
    {
        await using var hub = StartHub();
        using var application = await Application.StartAsync(hub.Port);
        await application.BeginAsync(50);
        await using var page = await OpenAsync(hub, application);
        await ShowsAsync(page, "0 ");
        var answers = new ConcurrentQueue<int>();
        page.Tab.Response += (_, answer) => Note(answer);
        await page.Tab.ReloadAsync();
        await HasEndedAsync(page, Text(50));
        await page.Tab.EvaluateAsync("url => { window.source = new EventSource(url); }", "/events?channel=llm/42");
        await Wait.UntilAsync(() => page.Tab.EvaluateAsync<bool>("source.readyState === EventSource.CLOSED"), "it does not stay away");

        // Long enough for both to come back several times.
        await page.Tab.WaitForTimeoutAsync((float)(_retry * 5).TotalMilliseconds);
        Assert.That(answers, Is.EqualTo((int[])[200, 200, 204]));

        void Note(IResponse answer)
        {
            if (answer.Url.Contains("/events?", StringComparison.Ordinal))
                answers.Enqueue(answer.Status);
        }
    }

    [Test]
    public async Task Who_stops_the_answer_stops_it_on_all_devices()
    {
        await using var hub = StartHub();
        using var application = await Application.StartAsync(hub.Port);
        await application.BeginAsync(100_000);
        await using var page = await OpenAsync(hub, application);
        await using var other = await OpenAsync(hub, application);
        await ShowsAsync(other, " 20 ");
        await page.Button("Stop").ClickAsync();
        var text = await HasEndedAsync(page);
        await HasEndedAsync(other, text);
        Assert.That(text, Is.EqualTo(Text(text.Split(' ').Length - 1)));
        Assert.That(application.HasEnded, Is.False);
    }

    [Test]
    public async Task An_application_that_was_killed_and_writes_the_same_again_doubles_nothing()
    {
        await using var hub = StartHub();
        using var application = await Application.StartAsync(hub.Port);
        await application.BeginAsync(300);
        await using var page = await OpenAsync(hub, application);
        await ShowsAsync(page, " 50 ");
        await application.KillAndRestartAsync();
        await application.BeginAsync(300);
        await HasEndedAsync(page, Text(300));
    }

    [Test]
    public async Task A_page_that_hears_nothing_for_long_asks_and_the_application_ends_what_nobody_writes()
    {
        await using var hub = StartHub();
        using var application = await Application.StartAsync(hub.Port);
        await application.BeginAsync(100_000);
        await using var page = await OpenAsync(hub, application);
        await ShowsAsync(page, " 20 ");
        await application.KillAndRestartAsync();
        var text = await HasEndedAsync(page);
        Assert.That(text, Is.EqualTo(Text(text.Split(' ').Length - 1)));
    }

    [Test]
    public async Task A_page_begins_again_after_a_gap_and_says_when_what_is_kept_is_not_the_whole_answer()
    {
        await using var hub = StartHub();
        using var application = await Application.StartAsync(hub.Port);
        await hub.PublishAsync("""{"id":"42-0","data":"lost "}""", "llm/42");
        await using var page = await OpenAsync(hub, application);
        await ShowsAsync(page, "lost ");
        using (await hub.SendAsync("DELETE", "/channels/llm/42"))
        using (await hub.SendAsync("DELETE", $"/clients/{hub.Server.Clients.Single().Key}"))
            await Expect(page.Text("answer")).ToHaveTextAsync("");

        await hub.PublishAsync("""{"id":"42-0","data":"kept "}""", "llm/42");
        await ShowsAsync(page, "kept ");
        await hub.PublishAsync("""{"id":"42-2","data":"too far"}""", "llm/42");
        await Expect(page.Text("state")).ToHaveTextAsync("This answer is no longer whole here.");
        Assert.That(await page.Text("answer").TextContentAsync(), Is.EqualTo("kept "));
    }

    private static TestServer StartHub()
    {
        var hub = TestServer.Start(options => options with { Retry = _retry });
        File.WriteAllText(Path.Combine(hub.Pages, "answer.html"), _document.Blocks("html").Single());
        File.WriteAllText(Path.Combine(hub.Pages, "answer.js"), _document.Blocks("js")[2].Replace("20_000", "2_000", StringComparison.Ordinal));
        return hub;
    }

    // What a proxy does that has both under one address.
    private static async Task<BrowserPage> OpenAsync(TestServer hub, Application application)
    {
        var page = await VisitAsync(hub.Port, Address, expected: Broken);
        await page.Tab.RouteAsync("**/answers/*", async route =>
        {
            try
            {
                await route.FulfillAsync(new() { Response = await route.FetchAsync(new() { Url = application.Url }) });
            }
            catch (PlaywrightException)
            {
                await route.AbortAsync();
            }
        });
        return page;
    }

    private static Task ShowsAsync(BrowserPage page, string text) =>
        Wait.UntilAsync(async () => (await page.Text("answer").TextContentAsync())!.Contains(text, StringComparison.Ordinal), $"it does not show {text}");

    private static async Task HasEndedAsync(BrowserPage page, string text) => Assert.That(await HasEndedAsync(page), Is.EqualTo(text));

    private static async Task<string> HasEndedAsync(BrowserPage page)
    {
        await Expect(page.Text("state")).Not.ToHaveTextAsync(Writing);
        await Expect(page.Text("state")).ToHaveTextAsync(Ended);
        return (await page.Text("answer").TextContentAsync())!;
    }

    private static string Text(int tokens) => string.Concat(Enumerable.Range(0, tokens).Select(number => $"{number} "));

    // The application in Node, in a folder with the relay and a model that writes a token every 10 ms.
    private sealed class Application : IDisposable
    {
        private const string Model = """
            import { setTimeout as pause } from 'node:timers/promises';

            export async function* write(prompt, signal) {
              for (let i = 0; i < Number(prompt); i++) {
                await pause(10, undefined, { signal });
                yield `${i} `;
              }
            }
            """;

        private readonly TempFolder _folder = new();
        private readonly HttpClient _http = new() { Timeout = Wait.Limit };
        private readonly int _port = TestServer.FreePort();
        private BuiltProgram? _program;

        private Application(int hub)
        {
            var scripts = _document.Blocks("js");
            Write("model.mjs", Model);
            Write("relay.mjs", scripts[0].Replace("localhost:3000", $"localhost:{hub}", StringComparison.Ordinal));
            Write("application.mjs", scripts[1].Replace("listen(8080)", $"listen({_port}, '127.0.0.1')", StringComparison.Ordinal));
        }

        public string Url => $"http://localhost:{_port}/answers/42";

        public bool HasEnded => _program!.HasEnded;

        public static async Task<Application> StartAsync(int hub)
        {
            var application = new Application(hub);
            await application.StartAsync().OrDisposeAsync(application);
            return application;
        }

        public async Task BeginAsync(int tokens)
        {
            using var prompt = new StringContent($"{tokens}");
            using var answer = await _http.PostAsync(new Uri(Url), prompt);
            answer.EnsureSuccessStatusCode();
        }

        public async Task KillAndRestartAsync()
        {
            _program!.Signal("KILL");
            await _program.EndAsync();
            _program.Dispose();
            await StartAsync();
        }

        public void Dispose()
        {
            _program?.Dispose();
            _http.Dispose();
            _folder.Dispose();
        }

        private async Task StartAsync()
        {
            _program = BuiltProgram.Execute(OtherPrograms.Node(), "application.mjs", _folder.Path);
            await Wait.UntilAsync(IsListeningAsync, "it does not listen");
        }

        private async Task<bool> IsListeningAsync()
        {
            try
            {
                // Stops nothing, for nothing is being written.
                using var answer = await _http.DeleteAsync(new Uri(Url));
                return answer.IsSuccessStatusCode;
            }
            catch (HttpRequestException)
            {
                return false;
            }
        }

        private void Write(string name, string text) => File.WriteAllText(Path.Combine(_folder.Path, name), text);
    }
}
