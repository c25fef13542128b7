using System.Net;
using System.Net.Sockets;
using System.Text;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>What becomes of connections when there are more of them than file descriptors.</summary>
[Platform("Linux")]
public sealed class FewDescriptors
{
    [Test]
    public async Task More_connections_than_descriptors_keep_newcomers_away_for_a_while_and_streams_go_on()
    {
        var (program, port) = await LimitedProgramAsync(2000);
        using var running = program;
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}"), Timeout = Wait.Limit };
        await using var client = await EventStream.OpenAsync(http, "/events");
        var flood = new List<RawRequest>();
        for (var i = 0; i < 3000; i++)
        {
            try
            {
                flood.Add(new RawRequest(port));
            }
            catch (SocketException)
            {
                // It has been cut.
            }
        }

        await program.LogsAsync("closed for newcomers", "no file descriptors left");
        foreach (var connection in flood)
            connection.Dispose();

        string? id = null;
        await Wait.UntilAsync(() => (id = TryPublish(port)) is not null, "the port is not open again");
        Assert.That((await client.NextAsync()).EventId, Is.EqualTo(id));
    }

    [Test]
    public async Task Connections_that_are_kept_go_only_after_those_that_have_asked_for_nothing()
    {
        var (program, port) = await LimitedProgramAsync(400);
        using var running = program;
        using var kept = new RawRequest(port);
        await kept.SendAsync(RawRequest.Head(port, "GET /healthz"));
        await kept.ReadUntilAsync("HTTP/1.1 200");
        var strangers = Enumerable.Range(0, 400).Select(_ => new RawRequest(port)).ToList();
        await program.LogsAsync("closed for newcomers", "no file descriptors left", "open for newcomers again");
        await kept.SendAsync(RawRequest.Head(port, "GET /nothing"));
        await kept.ReadUntilAsync("HTTP/1.1 404");
        strangers.ForEach(stranger => stranger.Dispose());
    }

    [Test]
    public async Task Connections_that_are_kept_keep_nobody_out()
    {
        var (program, port) = await LimitedProgramAsync(400);
        using var running = program;
        var kept = new List<Socket>();
        while (kept.Count < 400)
            await Wait.UntilAsync(() => TryAsk(port, kept), "a newcomer is kept out");

        kept.ForEach(connection => connection.Dispose());
    }

    [Test]
    public async Task A_newcomer_waits_while_all_descriptors_are_in_use_and_is_answered_then()
    {
        var (program, port) = await LimitedProgramAsync(400);
        using var running = program;

        // Requests under way, one after the other: a connection whose request has not been read yet would be cut.
        var post = RawRequest.Head(port, "POST /events", "Content-Type: text/plain", "Content-Length: 1");
        var connections = new List<RawRequest>();
        await Wait.UntilAsync(IsFullWithAnotherAsync, "it takes newcomers without an end");

        using var newcomer = new RawRequest(port);
        await newcomer.SendAsync(RawRequest.Head(port, "GET /healthz"));
        Assert.That(program.Errors, Does.Not.Contain("open for newcomers again"));

        // The last first: from a low number that is free the server concludes that all above it are.
        connections.Reverse();
        connections.ForEach(connection => connection.Dispose());
        await newcomer.ReadUntilAsync("HTTP/1.1 200");
        await program.LogsAsync("open for newcomers again");

        async Task<bool> IsFullWithAnotherAsync()
        {
            connections.Add(new RawRequest(port));
            await connections[^1].SendAsync(post);
            return program.Errors.Contains("closed for newcomers", StringComparison.Ordinal);
        }
    }

    [Test]
    [NonParallelizable]
    public async Task A_flood_that_takes_the_last_one_again_and_again_does_not_end_the_program()
    {
        var (program, port) = await LimitedProgramAsync(400);
        using var running = program;
        var held = new List<Socket>();
        await Wait.UntilAsync(() => Flood(port, held, program), "it does not open again and again");
        Assert.That(program.HasEnded, Is.False, program.Errors);
        held.ForEach(connection => connection.Dispose());

        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}"), Timeout = Wait.Limit };
        Assert.That((await http.GetAsync(new Uri("healthz", UriKind.Relative))).StatusCode, Is.EqualTo(HttpStatusCode.OK));
    }

    // So many connections as fast as they can be begun; true once it is enough.
    private static bool Flood(int port, List<Socket> held, BuiltProgram program)
    {
        for (var i = 0; i < 5000; i++)
        {
            if (held.Count == 2000)
            {
                held[0].Dispose();
                held.RemoveAt(0);
            }

            BeginConnect(port, held);
        }

        return program.HasEnded || program.Errors.Split("open for newcomers again").Length > 5;
    }

    private static void BeginConnect(int port, List<Socket> connections)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { Blocking = false };
        connections.Add(socket);
        try
        {
            socket.Connect(IPAddress.Loopback, port);
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.WouldBlock)
        {
            // It goes on by itself.
        }
    }

    // Who is cut may try again.
    private static bool TryAsk(int port, List<Socket> answered)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = (int)Wait.Limit.TotalMilliseconds };
        try
        {
            socket.Connect(IPAddress.Loopback, port);
            socket.Send(Encoding.ASCII.GetBytes(RawRequest.Head(port, "GET /healthz")));
            if (socket.Receive(new byte[1]) > 0)
            {
                answered.Add(socket);
                return true;
            }
        }
        catch (SocketException)
        {
            // It has been cut.
        }

        socket.Dispose();
        return false;
    }

    private static string? TryPublish(int port)
    {
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}"), Timeout = Wait.Limit };
        using var request = new HttpRequestMessage(HttpMethod.Post, "/events") { Content = new StringContent("1") };
        try
        {
            using var answer = http.Send(request);
            using var reader = new StreamReader(answer.Content.ReadAsStream());
            return reader.ReadToEnd()["{\"id\":\"".Length..^2];
        }
        catch (HttpRequestException)
        {
            return null;
        }
    }

    private static Task<(BuiltProgram Program, int Port)> LimitedProgramAsync(int descriptors) => BuiltProgram.ListenAsync(
        "--idle-timeout 10m --body-timeout 10m",
        line => BuiltProgram.Shell($"ulimit -n {descriptors}; exec dotnet \"{BuiltProgram.File}\" {line}"));
}
