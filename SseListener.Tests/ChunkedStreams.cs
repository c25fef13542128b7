using SseListener.Delivery;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>A stream as it is on the wire: an ordinary answer in chunks (RFC 9112, section 7.1), whose end says whether it is whole.</summary>
public sealed class ChunkedStreams
{
    private const string LastChunk = "0\r\n\r\n";
    private static readonly string _big = new('x', 1_000_000);

    [Test]
    public async Task Each_event_is_a_chunk_to_the_byte()
    {
        await using var server = TestServer.Start();
        using var raw = await SubscribeAsync(server);
        var greeting = raw.Received.Length;
        var id = await server.PublishAsync("""{"data":1}""");
        await raw.ReadUntilAsync($"id: {id}\n\n\r\n");
        Assert.That(raw.Received[greeting..], Is.EqualTo($"18\r\ndata: 1\nid: {id}\n\n\r\n"));
    }

    [Test]
    public async Task A_chunk_ends_with_a_whole_event_unless_the_event_is_longer_than_a_chunk()
    {
        await using var server = TestServer.Start();
        for (var i = 0; i < 50; i++)
            await server.PublishAsync($$"""{"data":"{{i}}{{new string('x', 5000)}}"}""");

        await server.PublishAsync($$"""{"data":"{{_big}}"}""");
        await server.PublishAsync("""{"data":"the end"}""");
        using var raw = new RawRequest(server.Port);
        await raw.SendAsync(RawRequest.Head(server.Port, "GET /events?lastEventId=earliest"));
        await raw.ReadChunkAsync("the end\"\n");
        var chunks = raw.Chunks;
        Assert.That(chunks.Max(chunk => chunk.Length), Is.EqualTo(64 * 1024));
        Assert.That(chunks.TakeWhile(chunk => !chunk.Contains("\"xxxxx", StringComparison.Ordinal)), Is.All.EndsWith("\n\n").And.Exactly(5).Items);
    }

    [TestCase("")]
    [TestCase("Host: localhost:PORT\r\nConnection: keep-alive\r\n")]
    public async Task A_client_that_speaks_HTTP_1_0_gets_the_frames_bare_until_the_connection_closes(string fields)
    {
        await using var server = TestServer.Start();
        using var raw = new RawRequest(server.Port);
        await raw.SendAsync($"GET /events HTTP/1.0\r\n{fields.Replace("PORT", $"{server.Port}", StringComparison.Ordinal)}\r\n");
        await raw.ReadUntilAsync("retry: ");
        var id = await server.PublishAsync("""{"data":"old but fine"}""");
        await raw.ReadUntilAsync("old but fine");
        await server.Server.StopAsync();
        var (head, body) = (await raw.ReadToEndAsync()).Split("\r\n\r\n") is [var first, var second] ? (first, second) : ("", "");
        Assert.That(head, Does.Contain("Connection: close").And.Not.Contain("Content-Length").And.Not.Contain("Transfer-Encoding"));
        Assert.That(body, Does.StartWith("event: hello\n").And.EndsWith($"\n\ndata: \"old but fine\"\nid: {id}\n\n"));
    }

    [TestCaseSource(typeof(IntendedEnds), nameof(IntendedEnds.All))]
    public async Task A_stream_that_ends_on_purpose_ends_with_the_last_chunk_and_nothing_behind_it(string end)
    {
        await using var server = TestServer.Start(o => o.EndingBy(end));
        using var raw = await SubscribeAsync(server, IntendedEnds.Query(end));
        await server.EndStreamAsync(end);
        var received = await raw.ReadToEndAsync();
        Assert.That(received, Does.EndWith("\n\n\r\n" + LastChunk));
        Assert.That(received.Split("\r\n" + LastChunk), Has.Length.EqualTo(2), "there is one last chunk");
    }

    [TestCase("write_timeout")]
    [TestCase("lapped")]
    public async Task A_stream_that_is_cut_off_is_visibly_unfinished(string reason)
    {
        await using var server = TestServer.Start(o => o with
        {
            PresenceLimit = 0,
            WriteTimeout = TimeSpan.FromSeconds(reason is "write_timeout" ? 1 : 30),
            History = reason is "lapped" ? 1_500_000 : o.History,
        });
        using var stalled = await StalledClient.OpenAsync(server.Port);
        for (var i = 0; i < 12; i++)
            await server.PublishAsync($$"""{"data":"{{_big}}"}""");

        await server.ExpectMetricAsync($$"""sse_streams_ended_total{reason="{{reason}}"}""", 1);
        Assert.That(await stalled.ReadToEndAsync(), Does.Not.EndWith("\r\n" + LastChunk));
        Assert.That(stalled.IsReset || reason is "lapped", Is.True, "what it does not take in time is given up");
    }

    [Test]
    public async Task Clients_that_the_kernel_gives_up_because_of_the_write_timeout_have_timed_out()
    {
        await using var server = TestServer.Start(o => o with { PresenceLimit = 0, WriteTimeout = TimeSpan.FromSeconds(1) });
        var stalled = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => StalledClient.OpenAsync(server.Port)));
        await server.PublishAsync($$"""{"data":"{{_big}}"}""");
        await server.ExpectMetricAsync("""sse_streams_ended_total{reason="write_timeout"}""", 3);
        Assert.That(await server.MetricAsync("""sse_streams_ended_total{reason="left"}"""), Is.Zero);
        foreach (var client in stalled)
            client.Dispose();
    }

    [Test]
    public async Task Ends_that_race_with_sends_leave_no_byte_behind_the_end_and_none_in_the_streams_of_others()
    {
        await using var server = TestServer.Start(o => o with { PresenceLimit = 0 });
        using var stays = await SubscribeAsync(server);
        for (var round = 0; round < 20; round++)
        {
            var leaving = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => SubscribeAsync(server)));
            var publishing = Task.WhenAll(Enumerable.Range(0, 20).Select(_ => server.PublishAsync("""{"data":"raced"}""")));
            foreach (var (id, client) in server.Server.Clients)
            {
                if (!stays.Body.Contains(id, StringComparison.Ordinal))
                    client.End(EndReason.Dismissed);
            }

            await publishing;
            foreach (var client in leaving)
            {
                Assert.That(await client.ReadToEndAsync(), Does.EndWith("\n\n\r\n" + LastChunk));
                Assert.That(client.Body, Does.Match("^event: hello\n.*\n.*\n.*\n\n(data: \"raced\"\nid: .*\n\n)*$"));
                client.Dispose();
            }
        }

        await server.PublishAsync("""{"data":"the end"}""");
        await stays.ReadChunkAsync("the end\"\n");
        Assert.That(stays.Body, Does.Match("^event: hello\n.*\n.*\n.*\n\n(data: \"raced\"\nid: .*\n\n){400}data: \"the end\"\nid: .*\n\n$"));
    }

    internal static async Task<RawRequest> SubscribeAsync(TestServer server, string query = "")
    {
        var raw = new RawRequest(server.Port);
        await raw.SendAsync(RawRequest.Head(server.Port, "GET /events" + query));
        await raw.ReadUntilAsync("\n\n\r\n");
        return raw;
    }
}
