using System.Net;
using System.Net.Sockets;
using System.Text;
using SseListener.Listener;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>Connections whose first request is waited for, beside those that are here already.</summary>
public sealed class Newcomers
{
    private const int Many = 1000;
    private const int Publishes = 10;

    [Test]
    [Platform("Linux")]
    public async Task A_publisher_that_is_here_does_not_wait_for_a_thousand_newcomers()
    {
        var (program, port) = await BuiltProgram.ListenAsync("--log-level warning");
        using var running = program;
        using var publisher = new RawRequest(port);
        await PublishAsync(publisher, port, 0);

        // While the server is stopped it accepts nothing, so all of them come at once.
        program.Signal("STOP");
        var channels = string.Concat(Enumerable.Range(1, 99).Select(i => $"&channel=many/{i}"));
        var request = RawRequest.Head(port, $"GET /events?channel=default{channels}");
        var newcomers = Enumerable.Range(0, Many).Select(_ => new RawRequest(port)).ToList();
        await Task.WhenAll(newcomers.Select(newcomer => newcomer.SendAsync(request)));
        program.Signal("CONT");
        for (var i = 1; i <= Publishes; i++)
            await PublishAsync(publisher, port, i);

        await Task.WhenAll(newcomers.Select(newcomer => newcomer.ReadUntilAsync("retry: ")));
        await PublishAsync(publisher, port, Publishes + 1);
        await Task.WhenAll(newcomers.Select(newcomer => newcomer.ReadUntilAsync($"id: event-{Publishes + 1}.")));

        // Only those that were in before the last of these publishes have received it.
        Assert.That(newcomers.Count(newcomer => newcomer.Received.Contains($"id: event-{Publishes}.", StringComparison.Ordinal)), Is.LessThan(Many / 2));
        newcomers.ForEach(newcomer => newcomer.Dispose());
    }

    [TestCase("", false)]
    [TestCase("GET / HTTP/1.1", true)]
    public async Task One_whose_client_has_gone_is_let_in_only_with_what_it_has_sent(string sent, bool isLetIn)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var client = ConnectAndSend(((IPEndPoint)listener.LocalEndpoint).Port, Encoding.ASCII.GetBytes(sent));
        using var accepted = await listener.AcceptSocketAsync();
        client.Dispose();
        var entered = new TaskCompletionSource<Connection>();
        await new NewcomerQueue(entered.SetResult).AdmitAsync(new Connection(accepted));
        Assert.That(accepted.SafeHandle.IsClosed, Is.EqualTo(!isLetIn));
        if (isLetIn)
            await entered.Task.WaitAsync(Wait.Limit);
    }

    // Each piece of an answer then waits in the pool's queue behind a large publish of everybody else.
    [Test]
    [NonParallelizable]
    [Platform("Linux")]
    public async Task Publishers_that_keep_the_server_busy_do_not_keep_newcomers_out()
    {
        var (program, port) = await BuiltProgram.ListenAsync("--log-level warning --data none --history 2MiB");
        using var running = program;
        using var end = new CancellationTokenSource();
        var body = $"[{string.Join(',', Enumerable.Repeat(1, 50_000))}]";
        var fields = (string[])["Content-Type: application/json", $"Content-Length: {body.Length + 9}"];
        var publish = Encoding.ASCII.GetBytes(RawRequest.Head(port, "POST /events", fields) + $$"""{"data":{{body}}}""");
        var publishers = Enumerable.Range(0, 100).Select(_ => PublishAllTheTimeAsync(port, publish, end.Token)).ToList();
        using var listener = ConnectAndSend(port, Encoding.ASCII.GetBytes(RawRequest.Head(port, "GET /events")));
        await Wait.UntilAsync(() => listener.Available > 10_000, "nothing is published");
        var request = Encoding.ASCII.GetBytes(RawRequest.Head(port, "GET /events"));
        var newcomers = Enumerable.Range(0, 1000).Select(_ => ConnectAndSend(port, request)).ToList();
        await Wait.UntilAsync(() => newcomers.TrueForAll(newcomer => newcomer.Available > 0), "some are not answered");
        newcomers.ForEach(newcomer => newcomer.Dispose());
        await end.CancelAsync();
        await Task.WhenAll(publishers);
    }

    // HttpListener by itself closes a connection after a hundred.
    [Test]
    public async Task A_connection_may_bring_three_hundred_requests()
    {
        await using var server = TestServer.Start();
        using var publisher = new RawRequest(server.Port);
        for (var i = 0; i < 300; i++)
            await PublishAsync(publisher, server.Port, i);
    }

    private static Socket ConnectAndSend(int port, byte[] request)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Connect(IPAddress.Loopback, port);
        socket.Send(request);
        return socket;
    }

    private static async Task PublishAllTheTimeAsync(int port, byte[] request, CancellationToken end)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        var answer = new byte[1024];
        try
        {
            await socket.ConnectAsync(IPAddress.Loopback, port, end);
            while (true)
            {
                for (var sent = 0; sent < request.Length;)
                    sent += await socket.SendAsync(request.AsMemory(sent), end);

                await socket.ReceiveAsync(answer, end);
            }
        }
        catch (OperationCanceledException)
        {
            // The test is over.
        }
    }

    private static async Task PublishAsync(RawRequest publisher, int port, int number)
    {
        var body = $$"""{"id":"event-{{number}}.","data":1}""";
        await publisher.SendAsync(RawRequest.Head(port, "POST /events", "Content-Type: application/json", $"Content-Length: {body.Length}") + body);
        await publisher.ReadUntilAsync($$"""{"id":"event-{{number}}."}""");
    }
}
