using System.Collections.Concurrent;
using SseListener.Tests.Support;

namespace SseListener.Tests.Browsing;

/// <summary>The documents' scripts, in a page.</summary>
[Parallelizable(ParallelScope.Self)]
public sealed class ExamplesOfScripts
{
    [Test]
    public async Task A_page_listens_and_publishes()
    {
        var scripts = Document.Readme.Blocks("js");
        await using var server = TestServer.Start();
        await using var page = await BrowserPage.VisitAsync(server.Port);
        var logged = new ConcurrentQueue<string>();
        page.Tab.Console += (_, message) => logged.Enqueue(message.Text);
        await page.Tab.EvaluateAsync($"() => {{ {scripts[0]} }}");
        await Wait.UntilAsync(() => server.Server.Clients.Count == 1, "it does not listen");
        await page.Tab.EvaluateAsync($"async () => {{ {scripts[1]} }}");
        await server.PublishAsync("""{"data":"a message"}""", "orders/42");
        await Wait.UntilAsync(() => logged.Count == 2, "it does not hear both");
        Assert.That(logged, Is.EqualTo((string[])["paid by card", "\"a message\""]));
    }

    [Test]
    public async Task A_page_knows_who_is_there()
    {
        var script = new Document("SseListener/Docs/protocol.md").Blocks("js").Single();
        await using var server = TestServer.Start(options => options with { JwtKey = SignedTokens.Key(Jwt.Secret) });
        await using var ann = await server.SubscribeAsync("?channel=room/7&token=" + Jwt.For(user: "ann"));
        await using var page = await BrowserPage.VisitAsync(server.Port);
        await page.Tab.EvaluateAsync($"async () => {{ {script} globalThis.here = here; }}");
        await Wait.UntilAsync(() => server.Server.Clients.Count == 2, "it does not listen");
        await using var bob = await server.SubscribeAsync("?channel=room/7&token=" + Jwt.For(user: "bob"));
        await ann.DisposeAsync();
        await Wait.UntilAsync(
            async () => await page.Tab.EvaluateAsync<string>("JSON.stringify([...here])") == $"[[\"{bob.ClientId}\",\"bob\"]]", "it does not know");
    }
}
