using System.Collections.Concurrent;
using System.Net.Sockets;
using SseListener.Http;
using SseListener.Log;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>What would bring HttpListener down, and does not bring the server down.</summary>
public sealed class Overload
{
    // HttpListener by itself fails at about every other of these.
    [Test]
    public async Task The_port_opens_while_everybody_is_connecting()
    {
        var answers = new ConcurrentQueue<string>();
        for (var i = 0; i < 20; i++)
        {
            await using var log = new LogText();
            using var lines = new LogWriter(log, LogLevel.Info);
            var port = TestServer.FreePort();
            await using var server = new SseServer(new ServerOptions { Port = port, Data = null }, AppContext.BaseDirectory, lines);
            using var end = new CancellationTokenSource();
            var connecting = new Thread(() => ConnectOnAndOn(port, end.Token));
            var asking = new Thread(() => AskOnAndOn(port, answers, end.Token));
            connecting.Start();
            asking.Start();
            var isOpen = server.TryStart(out var problem);
            var before = answers.Count;
            await Wait.UntilAsync(() => !isOpen || answers.Count > before, "nobody is answered");
            await end.CancelAsync();
            connecting.Join();
            asking.Join();
            Assert.That(isOpen, Is.True, problem);
            Assert.That(await RawRequest.ExchangeAsync(port, RawRequest.Head(port, "GET /nothing", "Connection: close")), Does.StartWith("HTTP/1.1 404"));
        }

        // HttpListener's own 404, for a prefix that it does not know yet, has no such type.
        Assert.That(answers.Where(answer => answer.Length > 0), Is.All.Contain("application/problem+json"));
    }

    [Test]
    public async Task A_header_without_end_is_cut_before_it_fills_the_memory()
    {
        var (program, port) = await BuiltProgram.ListenAsync();
        using var running = program;
        await SendEndlesslyAsync(port);
        await program.LogsAsync("sent a header without end");
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}"), Timeout = Wait.Limit };
        await using var client = await EventStream.OpenAsync(http, "/events");
    }

    // One after another, and each as soon as the one before is gone; with 100 ms in between they would take longer than the limit.
    [Test]
    [NonParallelizable]
    public async Task Three_hundred_headers_without_end_are_all_cut_soon()
    {
        var (program, port) = await BuiltProgram.ListenAsync();
        using var running = program;
        await Task.WhenAll(Enumerable.Range(0, 300).Select(_ => Task.Run(() => SendEndlesslyAsync(port)))).WaitAsync(Wait.Limit);
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}"), Timeout = Wait.Limit };
        await using var client = await EventStream.OpenAsync(http, "/events");
    }

    [Test]
    public async Task A_refused_request_that_goes_on_sending_keeps_nobody_out()
    {
        await using var server = TestServer.Start(o => o with { IdleTimeout = TimeSpan.FromMinutes(5) });
        using var end = new CancellationTokenSource();
        var trickle = SendOnAndOnAsync(server.Port, "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\nContent-Length: 1000000\r\n\r\n", end.Token);
        using var other = new RawRequest(server.Port);
        await other.SendAsync($"GET / HTTP/1.1\r\nHost: 127.0.0.1:{server.Port}\r\n\r\n");
        await other.ReadUntilAsync("HTTP/1.1 200");
        await end.CancelAsync();
        await trickle;
    }

    // HttpListener alone waits a second for each of these bodies, on a thread of the pool.
    [Test]
    public async Task Refused_requests_without_their_bodies_keep_nobody_out()
    {
        var (program, port) = await BuiltProgram.ListenAsync();
        using var running = program;
        var refused = Enumerable.Range(0, 300).Select(_ => new RawRequest(port)).ToList();
        await Task.WhenAll(refused.Select(request => request.SendAsync(RawRequest.Head(port, "POST /", "Transfer-Encoding: gzip", "Content-Length: 100"))));
        using var other = new RawRequest(port);
        await other.SendAsync(RawRequest.Head(port, "GET /healthz"));
        await other.ReadUntilAsync("HTTP/1.1 200");
        await refused[0].ReadUntilAsync("HTTP/1.1 501");
        refused.ForEach(request => request.Dispose());
    }

    // HttpListener alone keeps 13 KB of each: with these, more than the heap may have.
    [Test]
    public async Task Requests_that_the_listener_refuses_by_itself_are_let_go_of_and_end_no_stream()
    {
        var (program, port) = await BuiltProgram.ListenAsync("--log-level warning", line => BuiltProgram.Start(line, null, ("DOTNET_GCHeapHardLimit", "0x6000000")));
        using var running = program;
        using var client = new RawRequest(port);
        await client.SendAsync($"GET /events HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n");
        await client.ReadUntilAsync("hello");
        await Task.WhenAll(Enumerable.Range(0, 4).Select(async _ =>
        {
            for (var i = 0; i < 2500; i++)
            {
                using var refused = new RawRequest(port);
                await refused.SendAsync($"POST /events HTTP/1.1\r\nHost: localhost:{port}\r\nContent-Type: text/plain\r\n\r\n");
                await refused.ReadUntilAsync("HTTP/1.1 411");
            }
        }));
        Assert.That(await RawRequest.ExchangeAsync(port, RawRequest.Head(port, "POST /events", "Connection: close", "Content-Type: text/plain", "Content-Length: 0")), Does.StartWith("HTTP/1.1 200"));
        await client.ReadUntilAsync("data: \n");
    }

    // Whatever fails for it, HttpListener's parts among them: nothing is to go on by halves.
    [Test]
    public async Task Without_memory_the_program_ends_and_says_so()
    {
        var (program, port) = await BuiltProgram.ListenAsync("", arguments => BuiltProgram.Start(arguments, environment: ("DOTNET_GCHeapHardLimit", "0x2000000")));
        using var running = program;
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}"), Timeout = Wait.Limit };
        for (var events = 0; events < 100 && !program.HasEnded; events++)
        {
            try
            {
                using var content = new StringContent(new string('x', 1_000_000));
                using var answer = await http.PostAsync(new Uri("/events", UriKind.Relative), content);
            }
            catch (HttpRequestException)
            {
                break;
            }
        }

        await program.LogsAsync("The memory is used up");
        await Wait.UntilAsync(() => program.HasEnded, "it lives on");
    }

    // A byte well within every second for which HttpListener waits.
    private static async Task SendEndlesslyAsync(int port)
    {
        using var raw = new RawRequest(port);
        await raw.SendAsync("GET /");
        var part = new string('a', 1024 * 1024);
        var sent = 0;
        try
        {
            for (; sent < 1024; sent++)
                await raw.SendAsync(part);
        }
        catch (SocketException)
        {
            // Cut.
        }

        Assert.That(sent, Is.LessThan(1024));
    }

    private static async Task SendOnAndOnAsync(int port, string head, CancellationToken end)
    {
        using var request = new RawRequest(port);
        await request.SendAsync(head);
        try
        {
            using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(100));
            while (await timer.WaitForNextTickAsync(end))
                await request.SendAsync("x");
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException)
        {
            // The test has ended, or the connection has been cut.
        }
    }

    private static void ConnectOnAndOn(int port, CancellationToken end)
    {
        while (!end.IsCancellationRequested)
        {
            try
            {
                using var request = new RawRequest(port);
            }
            catch (SocketException)
            {
                // Nobody listens yet.
            }
        }
    }

    private static void AskOnAndOn(int port, ConcurrentQueue<string> answers, CancellationToken end)
    {
        while (!end.IsCancellationRequested)
        {
            try
            {
                answers.Enqueue(RawRequest.ExchangeAsync(port, RawRequest.Head(port, "GET /nothing", "Connection: close")).GetAwaiter().GetResult());
            }
            catch (SocketException)
            {
                // Nobody listens yet.
            }
        }
    }
}
