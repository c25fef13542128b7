using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>What a client sees through nginx with nothing but <c>proxy_pass</c>, which then speaks HTTP/1.0 to the server.</summary>
public sealed class BehindOldProxies
{
    [Test]
    public async Task Each_event_arrives_while_the_stream_is_open()
    {
        await using var server = TestServer.Start();
        using var nginx = await Nginx.StartWithDefaultsAsync(server.Port);
        using var http = Connect(nginx);
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
        using var nginx = await Nginx.StartWithDefaultsAsync(server.Port);
        using var http = Connect(nginx);
        await using var stream = await EventStream.OpenAsync(http, "/events");
        await server.EndStreamAsync(end);
        Assert.That(await stream.ReadToEndAsync(), Is.Empty);
        Assert.That(nginx.Errors, Does.Not.Contain("prematurely"));
    }

    private static HttpClient Connect(Nginx nginx) => new() { BaseAddress = new Uri($"http://127.0.0.1:{nginx.Port}"), Timeout = Wait.Limit };
}
