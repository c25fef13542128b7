using System.Net;
using System.Net.Sockets;
using System.Text;
using SseListener.Listener;
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
        {
            connection.Dispose();
        }

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
        {
            await Wait.UntilAsync(() => TryAsk(port, kept), "a newcomer is kept out");
        }

        kept.ForEach(connection => connection.Dispose());
    }

    [Test]
    public async Task Newcomers_are_kept_away_while_all_descriptors_are_in_use()
    {
        var (program, port) = await LimitedProgramAsync(400);
        using var running = program;

        // Requests under way, whose connections nobody cuts. Where more wait than the backlog holds, one takes a second longer too.
        var connections = new List<Socket>();
        BeginConnect(port, connections);
        await Wait.UntilAsync(
            () => HasFilledUp(port, connections) && program.Errors.Contains("closed for newcomers", StringComparison.Ordinal),
            "it lets everybody in, or nobody and does not say so");

        // A hundred are kept free. Who was cut before his request was read can be told by that only now.
        Assert.That(connections[..^1].Count(connection => !connection.Poll(TimeSpan.Zero, SelectMode.SelectRead)), Is.GreaterThan(100).And.LessThan(300));
        connections[..^1].ForEach(connection => connection.Dispose());
        Assert.That(connections[^1].Poll(Wait.Limit, SelectMode.SelectWrite), Is.True);
        await program.LogsAsync("open for newcomers again");
        connections[^1].Dispose();
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

    [Test]
    public void The_next_look_is_before_the_reserve_can_be_used_up_and_where_there_is_room_not_long_before_it_can_be_reached()
    {
        var reserve = Descriptors.Reserve;
        var within = Math.Clamp(reserve / 100, 1, 100);
        Assert.That(
            new[] { 0, reserve, reserve * 2, reserve + 5000, int.MaxValue }.Select(room => Descriptors.LookAfter(room).TotalMilliseconds),
            Is.EqualTo([within, within, within, Math.Max(within, 50), 100]));
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

        return program.HasEnded || program.Errors.Split("open for newcomers again").Length > 50;
    }

    // Whoever gets in asks at once, or he might be cut; who has been is forgotten. The last one has been waiting for a while.
    private static bool HasFilledUp(int port, List<Socket> connections)
    {
        var post = Encoding.ASCII.GetBytes(RawRequest.Head(port, "POST /events", "Content-Type: text/plain", "Content-Length: 1"));
        for (var attempt = 0; attempt < 400; attempt++)
        {
            if (!connections[^1].Poll(TimeSpan.FromSeconds(0.5), SelectMode.SelectWrite))
            {
                return true;
            }

            try
            {
                connections[^1].Send(post);
            }
            catch (SocketException)
            {
                connections[^1].Dispose();
                connections.RemoveAt(connections.Count - 1);
            }

            BeginConnect(port, connections);
        }

        return false;
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

    private static async Task<(BuiltProgram Program, int Port)> LimitedProgramAsync(int descriptors)
    {
        var port = TestServer.FreePort();
        var program = BuiltProgram.Shell($"ulimit -n {descriptors}; exec dotnet \"{BuiltProgram.File}\" --port {port} --idle-timeout 10m --body-timeout 10m");
        await Wait.UntilAsync(() => program.Output.Contains('>', StringComparison.Ordinal), "it does not listen");
        return (program, port);
    }
}
