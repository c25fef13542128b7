using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>
/// What a client sees through Caddy and HAProxy with the configurations of <c>SseListener/Deploy</c>, and through a proxy that is not set
/// up for streams.
/// </summary>
[TestFixture("Caddy, which compresses")]
[TestFixture("HAProxy")]
[TestFixture("nginx with proxy_pass alone, which speaks HTTP/1.0 to the server")]
public sealed class BehindOtherProxies(string proxy)
{
    [Test]
    public async Task Each_event_arrives_while_the_stream_is_open()
    {
        await using var server = TestServer.Start();
        var (running, http) = await StartAsync(server.Port);
        using var disposed = running;
        using var client = http;
        await using var stream = await EventStream.OpenAsync(http, "/events");
        for (var i = 0; i < 10; i++)
        {
            // Each is waited for before there is another that could push it out of a buffer.
            var id = await server.PublishAsync($$"""{"data":{{i}}}""");
            Assert.That((await stream.NextAsync()).EventId, Is.EqualTo(id));
        }
    }

    [Test]
    public async Task A_stream_that_the_server_ends_is_a_whole_response([ValueSource(typeof(IntendedEnds), nameof(IntendedEnds.All))] string end)
    {
        await using var server = TestServer.Start(o => o.EndingBy(end));
        var (running, http) = await StartAsync(server.Port);
        using var disposed = running;
        using var client = http;
        await using var stream = await EventStream.OpenAsync(http, "/events" + IntendedEnds.Query(end));
        await server.EndStreamAsync(end);
        Assert.That(await stream.ReadToEndAsync(), Is.Empty);
        Assert.That((running as Nginx)?.Errors ?? "", Does.Not.Contain("prematurely"));
    }

    private async Task<(IDisposable Proxy, HttpClient Http)> StartAsync(int serverPort)
    {
        if (proxy.StartsWith("Caddy", StringComparison.Ordinal))
        {
            var caddy = await Caddy.StartAsync(serverPort);
            return (caddy, caddy.Connect());
        }

        if (proxy == "HAProxy")
        {
            var haproxy = await Haproxy.StartAsync(serverPort);
            return (haproxy, haproxy.Connect());
        }

        var nginx = await Nginx.StartWithDefaultsAsync(serverPort);
        return (nginx, new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{nginx.Port}"), Timeout = Wait.Limit });
    }
}
