using System.Diagnostics.CodeAnalysis;
using System.Net;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>What a client that accepts gzip sees through Caddy with <c>encode gzip</c>.</summary>
public sealed class BehindCaddy
{
    [Test]
    public async Task Each_event_arrives_while_the_stream_is_open()
    {
        await using var server = TestServer.Start();
        using var caddy = await Caddy.StartAsync(server.Port);
        using var http = Connect(caddy);
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
        using var caddy = await Caddy.StartAsync(server.Port);
        using var http = Connect(caddy);
        await using var stream = await EventStream.OpenAsync(http, "/events");
        await server.EndStreamAsync(end);
        Assert.That(await stream.ReadToEndAsync(), Is.Empty);
    }

    // Decompresses whatever has arrived, without waiting for more.
    [SuppressMessage("Reliability", "CA2000:Dispose objects before losing scope", Justification = "The client disposes its handler.")]
    private static HttpClient Connect(Caddy caddy) => new(new SocketsHttpHandler { AutomaticDecompression = DecompressionMethods.GZip })
    {
        BaseAddress = new Uri($"http://127.0.0.1:{caddy.Port}"),
        Timeout = Wait.Limit,
    };
}
