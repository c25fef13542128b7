using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>The programs of <c>SseListener/Docs/examples</c> that publish.</summary>
public sealed partial class PublishingExamples
{
    private const string NoBody = "Connection: close\r\nContent-Length: 0\r\n\r\n";

    private static readonly string[] _files = ["publish.cs", "publish.py", "publish.mjs"];

    [TestCaseSource(nameof(_files))]
    public async Task An_event_is_published_and_its_id_is_known(string file)
    {
        await using var server = TestServer.Start();
        await using var client = await server.SubscribeAsync("?channel=orders/42");
        using var publisher = await StartAsync(file, server.Port);
        await publisher.EndsWellAsync();
        var paid = await client.NextAsync();
        Assert.That((paid.EventType, paid.Data, paid.EventId), Is.EqualTo(("paid", """{"by":"card"}""", publisher.Output)));
    }

    [TestCaseSource(nameof(_files))]
    public async Task A_hub_that_is_away_gets_the_event_when_it_is_back(string file)
    {
        var port = TestServer.FreePort();
        using var publisher = await StartAsync(file, port);

        // It has tried in vain before the hub starts.
        await FailAsync(port, attempts: 2);
        using var hub = await BuiltProgram.ListenAgainAsync(port, "");
        await publisher.EndsWellAsync();
        using var http = new HttpClient { BaseAddress = new Uri($"http://localhost:{port}"), Timeout = Wait.Limit };
        await using var client = await EventStream.OpenAsync(http, "/events?channel=orders/42", "earliest");
        Assert.That((await client.NextAsync()).EventId, Is.EqualTo(publisher.Output));
    }

    [TestCaseSource(nameof(_files))]
    public async Task An_event_whose_answer_is_lost_is_sent_again_with_its_id_and_no_earlier_than_Retry_After_says(string file)
    {
        using var hub = new TcpListener(IPAddress.Loopback, TestServer.FreePort());
        hub.Start();
        using var publisher = await StartAsync(file, ((IPEndPoint)hub.LocalEndpoint).Port);
        var id = await AnswerAsync(hub, "");
        Assert.That(await AnswerAsync(hub, $"HTTP/1.1 503 Away\r\nRetry-After: 2\r\n{NoBody}"), Is.EqualTo(id));
        var refused = Stopwatch.GetTimestamp();
        Assert.That(await AnswerAsync(hub, $"HTTP/1.1 200 OK\r\n{NoBody}"), Is.EqualTo(id));
        Assert.That(Stopwatch.GetElapsedTime(refused), Is.GreaterThan(TimeSpan.FromSeconds(1.2)));
        await publisher.EndsWellAsync();
        Assert.That(publisher.Output, Is.EqualTo(id));
    }

    [TestCaseSource(nameof(_files))]
    public async Task An_event_that_is_refused_is_not_sent_again(string file)
    {
        await using var server = TestServer.Start(o => o with { PublishToken = "another" });
        using var publisher = await StartAsync(file, server.Port);
        Assert.That(await publisher.EndAsync(), Is.Not.Zero);
        Assert.That(publisher.Errors, Does.Contain("hub refuses the event: ").And.Contain("This takes a token that may publish"));
        await server.ExpectMetricAsync("""sse_publish_errors_total{status="401"}""", 1);
    }

    private static Task<BuiltProgram> StartAsync(string file, int port) => Example.StartAsync(file, $"http://localhost:{port}");

    // Takes so many requests without an answer, on a port that nobody has before and after.
    private static async Task FailAsync(int port, int attempts)
    {
        using var hub = new TcpListener(IPAddress.Loopback, port);
        hub.Start();
        for (var attempt = 0; attempt < attempts; attempt++)
            await AnswerAsync(hub, "");
    }

    // Takes one request, sends this answer, ends the connection, and returns the event's id.
    private static async Task<string> AnswerAsync(TcpListener hub, string answer)
    {
        using var connection = await hub.AcceptTcpClientAsync().WaitAsync(Wait.Limit);
        var (stream, received, buffer) = (connection.GetStream(), "", new byte[4096]);
        while (!WholeEvent().IsMatch(received))
        {
            var length = await stream.ReadAsync(buffer).AsTask().WaitAsync(Wait.Limit);
            Assert.That(length, Is.Positive, "it has gone");
            received += Encoding.ASCII.GetString(buffer, 0, length);
        }

        // Whatever is still on its way is read, for a connection that is closed before is reset, and the answer may be lost.
        await stream.WriteAsync(Encoding.ASCII.GetBytes(answer));
        connection.Client.Shutdown(SocketShutdown.Send);
        await stream.CopyToAsync(Stream.Null).WaitAsync(Wait.Limit);
        return WholeEvent().Match(received).Groups[1].Value;
    }

    [GeneratedRegex("""\{"id": ?"([^"]+)".*\}\}""")]
    private static partial Regex WholeEvent();
}
