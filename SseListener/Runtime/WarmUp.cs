using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Text;
using SseListener.Http;
using SseListener.Listener;
using SseListener.Log;

namespace SseListener.Runtime;

/// <summary>
/// Has the code compiled before it is needed. The worst moment of a server is the one after its restart, when everybody comes back
/// at once, and just then nothing is compiled yet: the first publish took 50 to 140 ms, the first 500 twice as long as later ones.
/// So another server, on a port of its own and only for this machine, is first sent for half a second what this one will be sent.
/// It has to be before: beside the first clients it was in their way (burst: 2.5 instead of 3.1 million deliveries a second).
/// </summary>
internal static class WarmUp
{
    private const int Streams = 4;

    // Events or answers on one connection; then it is closed, and there is another one. What is called ten times is compiled at its
    // best, so the way of those who come and go is too; it was still being compiled in the first burst, for 10 to 15 ms of 200.
    private const int UsesOfConnection = 10;

    private static readonly TimeSpan _duration = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan _pace = TimeSpan.FromMilliseconds(1);

    /// <summary>Runs it, unless the program was compiled beforehand; whatever goes wrong, only makes the first requests slower.</summary>
    /// <param name="options">The options of the server that is being warmed up.</param>
    /// <param name="pages">The folder of the pages; null for those within the program.</param>
    public static async Task RunAsync(ServerOptions options, string? pages)
    {
        if (!RuntimeFeature.IsDynamicCodeCompiled)
        {
            return;
        }

        var data = options.Data is null ? null : TryMakeFolder();
        await ServeAsync(options with { Data = data }, pages);
        try
        {
            if (data is not null)
            {
                Directory.Delete(data, recursive: true);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It is in the folder for such things.
        }
    }

    private static string? TryMakeFolder()
    {
        try
        {
            return Directory.CreateTempSubdirectory("sse-warm-up-").FullName;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static async Task ServeAsync(ServerOptions options, string? pages)
    {
        using var log = new LogWriter(TextWriter.Null, LogLevel.Info);
        options = options with { Host = "127.0.0.1", Port = LoopbackPort.FindFree(), Lanes = 1, Drain = TimeSpan.Zero, MaxAge = TimeSpan.Zero, PublishToken = null, PublishTokenFile = null, JwtKey = null, Private = [], MaxClients = int.MaxValue, MaxClientsPerAddress = 0 };
        await using var server = new SseServer(options, pages, log);
        if (!server.TryStart(out _))
        {
            return;
        }

        using var limit = new CancellationTokenSource(_duration);
        try
        {
            await Task.WhenAll(Enumerable.Range(0, Streams).Select(_ => SubscribeAsync(options.Port, limit.Token)).Append(PublishAsync(options.Port, limit.Token)));
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or IOException)
        {
            // Its time is up.
        }
    }

    private static async Task SubscribeAsync(int port, CancellationToken limit)
    {
        var request = Encoding.ASCII.GetBytes($"GET /events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n");
        var isServed = true;
        while (isServed)
        {
            using var client = await ConnectAsync(port, limit);
            await client.SendAsync(request, limit);
            isServed = await TryReceiveAsync(client, UsesOfConnection, limit);
        }
    }

    private static async Task PublishAsync(int port, CancellationToken limit)
    {
        var body = """{"type":"warm-up","data":{"number":1,"text":"as long as many an event is"}}""";
        var request = Encoding.ASCII.GetBytes($"POST /events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\nContent-Length: {body.Length}\r\n\r\n{body}");
        var isServed = true;
        while (isServed)
        {
            using var client = await ConnectAsync(port, limit);
            for (var uses = 0; uses < UsesOfConnection && isServed; uses++)
            {
                await client.SendAsync(request, limit);
                await Task.Delay(_pace, limit);
                isServed = await TryReceiveAsync(client, 1, limit);
            }
        }
    }

    // That it came is enough. Who is closed early has been refused, and does not ask again and again.
    private static async Task<bool> TryReceiveAsync(Socket client, int times, CancellationToken limit)
    {
        var nowhere = new byte[1024];
        while (times > 0 && await client.ReceiveAsync(nowhere, limit) > 0)
        {
            times--;
        }

        return times == 0;
    }

    private static async Task<Socket> ConnectAsync(int port, CancellationToken limit)
    {
        var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await client.ConnectAsync(IPAddress.Loopback, port, limit);
        return client;
    }
}
