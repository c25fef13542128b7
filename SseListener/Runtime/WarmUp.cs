using System.Runtime.CompilerServices;
using SseListener.Http;
using SseListener.Listener;
using SseListener.Log;

namespace SseListener.Runtime;

/// <summary>
/// Has the code compiled before it is needed: after a restart everybody comes back at once, and the first publish would take 50 to
/// 140 ms. For half a second, or up to one on a busy machine, another server is sent what this one will be sent. Only this machine reaches
/// its port.
/// </summary>
internal static class WarmUp
{
    private const int Subscribers = 4;

    // Code is compiled at its best when it has been called 30 times: also that of clients that come and go, so connections have few uses.
    private const int ConnectionsOfPublisher = 10;
    private const int UsesOfConnection = 10; // Events or answers.
    private const int EventSize = 256; // About that of one with its chunk, so that each is read by itself.

    private const string Event = """{"type":"warm-up","data":{"number":1,"text":"as long as many an event is"}}""";

    private static readonly TimeSpan _longest = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan _pace = TimeSpan.FromMilliseconds(1);

    /// <summary>Warms up, unless the program was compiled beforehand. If that fails, only the first requests are slower.</summary>
    public static async Task RunAsync(ServerOptions options)
    {
        if (!RuntimeFeature.IsDynamicCodeCompiled)
            return;

        try
        {
            var folder = options.Data is null ? null : Directory.CreateTempSubdirectory("sse-warm-up-");
            try
            {
                await ServeAsync(new ServerOptions
                {
                    Host = "127.0.0.1",
                    Port = ListeningPorts.FindFree(),
                    Data = folder?.FullName,
                    Sync = options.Sync,
                    Lanes = 1,
                    Drain = TimeSpan.Zero,
                });
            }
            finally
            {
                folder?.Delete(recursive: true);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or SocketException)
        {
            // There is no temporary folder or no port.
        }
    }

    private static async Task ServeAsync(ServerOptions options)
    {
        using var log = new LogWriter(TextWriter.Null, LogLevel.Info);
        await using var server = new SseServer(options, pages: null, log);
        if (!server.TryStart(out _))
            return;

        using var end = new CancellationTokenSource(_longest);
        var head = $" /events HTTP/1.1\r\nHost: 127.0.0.1:{options.Port}\r\n";
        var publish = $"POST{head}Content-Type: application/json\r\nContent-Length: {Event.Length}\r\n\r\n{Event}";
        var subscribe = $"GET{head}\r\n";
        var subscribers = Enumerable.Range(0, Subscribers)
            .Select(_ => UseAsync(options.Port, subscribe, requests: 1, connections: int.MaxValue, end.Token)).ToList();
        await UseAsync(options.Port, publish, requests: UsesOfConnection, ConnectionsOfPublisher, end.Token);
        await end.CancelAsync();
        await Task.WhenAll(subscribers);
    }

    // Opens one connection after the other, sends a number of requests on each, and reads that something has come back.
    private static async Task UseAsync(int port, string request, int requests, int connections, CancellationToken end)
    {
        var (bytes, nowhere) = (Encoding.ASCII.GetBytes(request), new byte[EventSize]);
        try
        {
            for (; connections > 0; connections--)
            {
                using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                await client.ConnectAsync(IPAddress.Loopback, port, end);
                for (var use = 0; use < UsesOfConnection; use++)
                {
                    if (use < requests)
                    {
                        await client.SendAsync(bytes, end);
                        await Task.Delay(_pace, end);
                    }

                    if (await client.ReceiveAsync(nowhere, end) == 0)
                        return;
                }
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException)
        {
            // The time is up, or the server does not take it.
        }
    }
}
