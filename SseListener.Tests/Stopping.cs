using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using SseListener.Http;
using SseListener.Log;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>How the server ends.</summary>
public sealed class Stopping
{
    [TestCase("TERM")]
    [TestCase("INT")]
    [TestCase("HUP")]
    [TestCase("HUP", "HUP")]
    [TestCase("TERM", "HUP")]
    [TestCase("QUIT")]
    public async Task The_program_delivers_what_it_accepted_ends_its_streams_and_exits_with_0(params string[] signals)
    {
        var (program, port) = await BuiltProgram.ListenAsync("", BuiltProgram.Interruptible);
        using var running = program;
        using var raw = new RawRequest(port);
        await raw.SendAsync($"GET /events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n");
        await raw.ReadUntilAsync("retry: ");
        using var http = new HttpClient();
        using var content = new StringContent("the last", new System.Net.Http.Headers.MediaTypeHeaderValue("text/plain"));
        using var answer = await http.PostAsync(new Uri($"http://127.0.0.1:{port}/events"), content);
        foreach (var signal in signals)
            program.Signal(signal);

        Assert.That(await program.EndAsync(), Is.Zero);
        Assert.That(await raw.ReadToEndAsync(), Does.Contain("data: the last\n"));
        Assert.That(program.FirstLine, Is.EqualTo($"> http://localhost:{port}"));
    }

    // HttpListener by itself answers 200 to what comes in the moment when it is closed, and to an EventSource such a 200 is the end.
    [Test]
    public async Task A_stream_that_is_asked_for_during_the_stop_gets_a_stream_or_nothing()
    {
        var (program, port) = await BuiltProgram.ListenAsync("--drain 300ms");
        using var running = program;
        var answers = new ConcurrentQueue<string>();
        using var end = new CancellationTokenSource();
        var asking = Enumerable.Range(0, 16).Select(_ => AskOnAndOnAsync(port, answers, end.Token)).ToList();
        await Wait.UntilAsync(() => answers.Count > 500, "it does not answer");
        program.Signal("TERM");
        Assert.That(await program.EndAsync(), Is.Zero);
        await end.CancelAsync();
        await Task.WhenAll(asking);
        Assert.That(answers.Where(answer => answer.Length > 0), Is.All.Contains("text/event-stream"));
    }

    [Test]
    public async Task A_second_signal_ends_the_program_at_once()
    {
        var (program, port) = await BuiltProgram.ListenAsync("--drain 1m", BuiltProgram.Interruptible);
        using var running = program;
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}"), Timeout = Wait.Limit };
        await using var one = await EventStream.OpenAsync(http, "/events");
        await using var other = await EventStream.OpenAsync(http, "/events");

        // The second stream keeps the first stop busy for half a minute.
        program.Signal("INT");
        await program.LogsAsync("stopping");
        program.Signal("INT");
        Assert.That(await program.EndAsync(), Is.Not.Zero, "the ordered stop was not to be waited for");
    }

    [Test]
    public async Task A_publish_that_has_not_arrived_yet_is_refused_with_503_and_one_that_has_is_delivered()
    {
        await using var server = TestServer.Start(o => o with { Drain = TimeSpan.FromMinutes(1) });
        await using var client = await server.SubscribeAsync();
        var id = await server.PublishAsync("""{"data":"accepted"}""");
        using var half = new RawRequest(server.Port);
        await half.SendAsync($"POST /events HTTP/1.1\r\nHost: 127.0.0.1:{server.Port}\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nab");
        await Wait.UntilAsync(() => server.Logged.Contains("Content-Length: 4", StringComparison.Ordinal), "the request has not arrived");
        var stopping = server.Server.StopAsync();
        Assert.That((await client.NextAsync()).EventId, Is.EqualTo(id));
        Assert.That(await client.EndAsync(), Is.Zero);
        await half.SendAsync("cd");
        Assert.That(await half.ReadToEndAsync(), Does.StartWith("HTTP/1.1 503").And.Contain("Retry-After: 1").And.Contain("stopping"));
        await stopping;
    }

    [Test]
    public async Task Newcomers_are_closed_without_an_answer_and_publishers_get_503_while_the_server_stops()
    {
        await using var server = TestServer.Start(o => o with { Drain = TimeSpan.FromMinutes(1) });
        using var half = new RawRequest(server.Port);
        await half.SendAsync($"POST /events HTTP/1.1\r\nHost: 127.0.0.1:{server.Port}\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nab");
        await Wait.UntilAsync(() => server.Logged.Contains("Content-Length: 4", StringComparison.Ordinal), "the request has not arrived");

        // The half request keeps the listener open for a while.
        var stopping = server.Server.StopAsync();
        Assert.That(await RawRequest.ExchangeAsync(server.Port, RawRequest.Head(server.Port, "GET /events")), Is.Empty);
        await server.LogsAsync("503: The server is stopping.");
        using var publish = await server.PostAsync("/events", "text/plain", "late");
        await Problem.ExpectAsync(publish, 503, "The server is stopping.");
        Assert.That(publish.Headers.RetryAfter, Is.Not.Null);
        half.Reset();
        await stopping;
    }

    [Test]
    public async Task A_stopped_server_leaves_its_port_to_the_next()
    {
        await using var server = TestServer.Start();
        await using var client = await server.SubscribeAsync();
        await server.Server.StopAsync();
        using var log = new LogWriter(TextWriter.Null, LogLevel.Error);
        await using var next = new Http.SseServer(new ServerOptions { Port = server.Port, Data = null }, server.Pages, log);
        Assert.That(next.TryStart(out var problem), Is.True, problem);
    }

    private static async Task AskOnAndOnAsync(int port, ConcurrentQueue<string> answers, CancellationToken end)
    {
        var answer = new byte[4096];
        while (!end.IsCancellationRequested)
        {
            try
            {
                using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                await socket.ConnectAsync(IPAddress.Loopback, port, CancellationToken.None);
                await socket.SendAsync(Encoding.ASCII.GetBytes($"GET /events HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n"), CancellationToken.None);
                answers.Enqueue(Encoding.ASCII.GetString(answer, 0, await socket.ReceiveAsync(answer, CancellationToken.None).AsTask().WaitAsync(Wait.Limit, CancellationToken.None)));
            }
            catch (SocketException)
            {
                // Nobody listens there any more.
            }
        }
    }
}
