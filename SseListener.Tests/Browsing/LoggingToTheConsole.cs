using System.Collections.Concurrent;
using SseListener.Tests.Support;

namespace SseListener.Tests.Browsing;

/// <summary>What the tutorial's script and the page itself write to the browser's console.</summary>
[Parallelizable(ParallelScope.Self)]
public sealed class LoggingToTheConsole
{
    [Test]
    public async Task The_script_of_the_tutorial_stands_on_the_page_and_logs()
    {
        await using var server = TestServer.StartWithPages();
        await using var page = await BrowserPage.OpenAsync(server.Port);
        var script = await page.Text("script").TextContentAsync();
        Assert.That(script, Is.EqualTo($"""
            const source = new EventSource("http://localhost:{server.Port}/events");
            source.onmessage = event => console.log('onmessage', event.data);
            source.addEventListener('join', event => console.log('join', event.data));
            """));
        await page.Button("Disconnect").ClickAsync();
        await page.ExpectStateAsync("Not connected");
        await Wait.UntilAsync(() => server.Server.Clients.Count == 0, "the page is still there");
        var lines = new ConcurrentQueue<string>();
        page.Tab.Console += (_, message) => lines.Enqueue(message.Text);
        await page.Tab.EvaluateAsync(script + "\nnew Promise(opened => source.onopen = opened)");
        await server.ServesAllAsync();
        await using var other = await server.SubscribeAsync();
        await Wait.UntilAsync(() => !lines.IsEmpty, "it does not log the join");
        await server.PublishAsync("""{"data":"of the tutorial"}""");
        await Wait.UntilAsync(() => lines.Count >= 2, "it does not log");
        Assert.That(lines.First(), Does.StartWith("join {\"joined\":\"").And.EndsWith("\"clients\":2}"));
        Assert.That(lines.Last(), Is.EqualTo("onmessage \"of the tutorial\""));
    }

    [Test]
    public async Task The_page_logs_what_arrives_as_the_tutorial_does()
    {
        await using var server = TestServer.StartWithPages();
        await using var page = await BrowserPage.OpenAsync(server.Port);
        await page.ClientIdAsync();
        var lines = new ConcurrentQueue<string>();
        page.Tab.Console += (_, message) => lines.Enqueue(message.Text);
        await server.ServesAllAsync();
        await using var other = await server.SubscribeAsync();
        await Wait.UntilAsync(() => !lines.IsEmpty, "it does not log the join");
        await server.PublishAsync("""{"data":{"nested":"here"}}""");
        await server.PublishAsync("""{"type":"alert","data":1}""");
        await Wait.UntilAsync(() => lines.Count >= 3, "it does not log");
        var join = $$"""join {"joined":"{{other.ClientId}}","clients":2}""";
        Assert.That(lines, Is.EqualTo(new[] { join, """onmessage {"nested":"here"}""", "alert 1" }));
    }
}
