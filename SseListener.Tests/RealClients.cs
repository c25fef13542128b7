using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>What curl, Python's requests and Node's fetch make of a stream.</summary>
public sealed class RealClients
{
    private static readonly string[] _clients = ["curl -N", "curl -N -0", "iter_lines", "iter_content", "fetch"];

    [Test]
    public async Task Each_event_arrives_while_the_stream_is_open_and_a_stop_ends_it_well([ValueSource(nameof(_clients))] string name)
    {
        await using var server = TestServer.Start();
        using var client = await StartAsync(name, server);
        await client.WritesAsync("event: hello");
        for (var i = 0; i < 3; i++)
        {
            // Each is waited for before there is another that could push it out of a buffer.
            var id = await server.PublishAsync($$"""{"data":{{i}}}""");
            await client.WritesAsync($"data: {i}\nid: {id}");
        }

        var last = await server.PublishAsync("""{"data":"the last"}""");
        await server.Server.StopAsync();
        await client.EndsWellAsync();
        Assert.That(client.Output, Does.EndWith($"data: \"the last\"\nid: {last}"));
        Assert.That(client.Output.Split('\n'), Has.All.Match("^((event|data|retry|id): .*)?$"), "and nothing of the chunks");
    }

    [Test]
    public async Task A_stream_that_the_server_ends_is_a_whole_response(
        [ValueSource(nameof(_clients))] string name, [Values("dismissal", "max-age")] string end)
    {
        await using var server = TestServer.Start(o => o.EndingBy(end));
        using var client = await StartAsync(name, server);
        await client.WritesAsync("event: hello");
        await server.EndStreamAsync(end);
        await client.EndsWellAsync();
    }

    private static async Task<BuiltProgram> StartAsync(string name, TestServer server)
    {
        var url = $"http://127.0.0.1:{server.Port}/events";
        return name switch
        {
            "iter_lines" => RealClient.Python("""
                import requests, sys
                with requests.get(sys.argv[1], stream=True) as answer:
                    for line in answer.iter_lines():
                        print(line.decode())
                """, url),
            "iter_content" => RealClient.Python("""
                import requests, sys
                with requests.get(sys.argv[1], stream=True) as answer:
                    for piece in answer.iter_content(chunk_size=None):
                        print(piece.decode(), end='')
                """, url),
            "fetch" => await RealClient.NodeAsync("""
                const answer = await fetch(process.argv[2]);
                for await (const piece of answer.body) process.stdout.write(piece);
                """, url),
            _ => RealClient.Curl($"{name["curl ".Length..]} {url}"),
        };
    }
}
