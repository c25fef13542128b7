using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using SseListener.Http;
using SseListener.Log;

namespace SseListener.Tests.Support;

/// <summary>A server in this process on a port of its own, which stops when it is disposed.</summary>
internal sealed class TestServer : IAsyncDisposable
{
    /// <summary>A page without anything on it, which a browser asks for no icon.</summary>
    public const string EmptyPage = "<!DOCTYPE html><title>test</title><link rel=\"icon\" href=\"data:,\">";

    private const int FirstPort = 20_000;
    private const int Ports = 10_000;

    private static int _lastPort = Random.Shared.Next(Ports);

    private readonly LogWriter _log;
    private readonly LogText _logged;
    private readonly string? _pages;

    private TestServer(SseServer server, int port, LogWriter log, LogText logged, string? pages)
    {
        Server = server;
        Port = port;
        _log = log;
        _logged = logged;
        _pages = pages;
        Http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}/"), Timeout = Wait.Limit };
    }

    public SseServer Server { get; }

    public int Port { get; }

    public HttpClient Http { get; }

    /// <summary>The folder that it serves, for this test alone.</summary>
    public string Pages => _pages!;

    /// <summary>All its log lines so far.</summary>
    public string Logged => _logged.ToString();

    /// <summary>Starts one that serves a page without anything on it.</summary>
    public static TestServer Start(Func<ServerOptions, ServerOptions>? change = null)
    {
        var pages = Directory.CreateTempSubdirectory("sse-pages-").FullName;
        File.WriteAllText(Path.Combine(pages, "index.html"), EmptyPage);
        return Start(change, pages);
    }

    /// <summary>Starts one that serves the pages that the program comes with.</summary>
    public static TestServer StartWithPages(Func<ServerOptions, ServerOptions>? change = null) =>
        Start(change, pages: null);

    private static TestServer Start(Func<ServerOptions, ServerOptions>? change, string? pages)
    {
        var logged = new LogText();
        while (true)
        {
            var port = FreePort();

            // Two lanes also where one is the default: whatever holds for clients has to hold for those of different lanes.
            var defaults = new ServerOptions { Port = port, Data = null, Drain = TimeSpan.Zero, LogLevel = LogLevel.Debug, Lanes = 2 };
            var options = change?.Invoke(defaults) ?? defaults;
            var log = new LogWriter(logged, options.LogLevel);
            var server = new SseServer(options, pages, log);
            if (server.TryStart(out var problem))
                return new TestServer(server, port, log, logged, pages);

            // Somebody else has taken the port.
            server.DisposeAsync().AsTask().Wait();
            log.Dispose();
            Assert.That(problem, Is.EqualTo($"Port {port} is in use."));
        }
    }

    /// <summary>Opens a stream, and waits until a lane serves it: from then on it is told who comes and goes.</summary>
    public async Task<EventStream> SubscribeAsync(string query = "", string? lastEventId = null)
    {
        var stream = await EventStream.OpenAsync(Http, "/events" + query, lastEventId);
        await Wait.UntilAsync(() => !Server.Clients.TryGetValue(stream.ClientId, out var client) || client.Lane is not null, "no lane serves it");
        return stream;
    }

    /// <summary>Waits until a lane serves each client: from then on it is told who comes and goes.</summary>
    public Task ServesAllAsync() => Wait.UntilAsync(() => Server.Clients.Values.All(client => client.Lane is not null), "no lane serves it");

    /// <summary>Publishes JSON and returns the event's id.</summary>
    public async Task<string> PublishAsync(string json, string channel = "default")
    {
        using var content = new StringContent(json, Encoding.UTF8, "application/json");
        using var answer = await Http.PostAsync(new Uri($"/events?channel={channel}", UriKind.Relative), content);
        var body = await answer.Content.ReadAsStringAsync();
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.OK), body);
        return body["{\"id\":\"".Length..^2];
    }

    public async Task<HttpResponseMessage> PostAsync(string path, string type, byte[] body)
    {
        using var content = new ByteArrayContent(body);
        content.Headers.TryAddWithoutValidation("Content-Type", type);
        return await Http.PostAsync(new Uri(path, UriKind.Relative), content);
    }

    public Task<HttpResponseMessage> PostAsync(string path, string type, string body) =>
        PostAsync(path, type, Encoding.UTF8.GetBytes(body));

    /// <summary>Sends a request with these header fields, and returns the head of the answer and, unless it is a stream, its body.</summary>
    public async Task<HttpResponseMessage> SendAsync(string method, string path, params (string Name, string Value)[] fields)
    {
        using var request = new HttpRequestMessage(HttpMethod.Parse(method), path);
        if (method == "POST")
            request.Content = new StringContent("text", Encoding.UTF8, "text/plain");

        foreach (var (name, value) in fields)
            request.Headers.TryAddWithoutValidation(name, value);

        return await Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
    }

    /// <summary>Publishes a text with this token.</summary>
    public Task<HttpResponseMessage> PublishWithAsync(string token, string channel = "default") =>
        SendAsync("POST", $"/events?channel={channel}", ("Authorization", "Bearer " + token));

    /// <summary>Publishes a text with this token, which has to be answered so.</summary>
    public async Task ExpectTokenAsync(string token, int status)
    {
        using var answer = await PublishWithAsync(token);
        Assert.That((int)answer.StatusCode, Is.EqualTo(status), Logged);
    }

    /// <summary>Asks for a stream, and returns whether there is one: a request that may come back later is closed without an answer.</summary>
    public async Task<bool> IsAdmittedAsync(string query = "", params (string Name, string Value)[] fields)
    {
        try
        {
            using var answer = await SendAsync("GET", "/events" + query, fields);
            Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.OK));
            return true;
        }
        catch (HttpRequestException e) when (e.HttpRequestError is HttpRequestError.ResponseEnded)
        {
            return false;
        }
    }

    /// <summary>Waits until this is in its log; fails with what is in it instead.</summary>
    public async Task LogsAsync(string text)
    {
        try
        {
            await Wait.UntilAsync(() => Logged.Contains(text, StringComparison.Ordinal), "not logged");
        }
        catch (AssertionException)
        {
            Assert.Fail($"not logged: {text}; but: {Logged}");
        }
    }

    /// <summary>Publishes one event more, which must be the very next that arrives.</summary>
    public async Task ExpectNothingArrivedAsync(EventStream subscriber, string channel = "default")
    {
        var id = await PublishAsync("""{"data":["nothing came before this"]}""", channel);
        var next = await subscriber.NextAsync();
        Assert.That(next.Data, Is.EqualTo("""["nothing came before this"]"""));
        Assert.That(subscriber.LastEventId, Is.EqualTo(id));
    }

    /// <summary>Its ends of its connections; disposing them does not close them.</summary>
    public IReadOnlyList<Socket> Accepted() => [.. Directory.GetFiles("/proc/self/fd").Select(TryOpen).OfType<Socket>()];

    private Socket? TryOpen(string link)
    {
        try
        {
            if (new FileInfo(link).LinkTarget?.StartsWith("socket:", StringComparison.Ordinal) != true)
                return null;

            var descriptor = int.Parse(Path.GetFileName(link), CultureInfo.InvariantCulture);
            var socket = new Socket(new SafeSocketHandle(descriptor, ownsHandle: false));
            return (socket.LocalEndPoint as IPEndPoint)?.Port == Port && socket.RemoteEndPoint is not null ? socket : null;
        }
        catch (Exception e) when (e is SocketException or IOException or ObjectDisposedException or NotSupportedException)
        {
            // Another test has closed it meanwhile, or it is no socket that .NET knows.
            return null;
        }
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await Server.DisposeAsync();
        _log.Dispose();
        await _logged.DisposeAsync();
        if (_pages is not null)
            Directory.Delete(_pages, recursive: true);
    }

    /// <summary>A port on which nobody listens, each time another one.</summary>
    /// <remarks>It is below those that the system gives to connections: one of those could be taken by somebody's connection before the server opens
    /// it, even by a connection to that very port, which is then connected to itself.</remarks>
    public static int FreePort()
    {
        while (true)
        {
            var port = FirstPort + (Interlocked.Increment(ref _lastPort) % Ports);
            using var socket = new Socket(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp) { DualMode = true };
            try
            {
                socket.Bind(new IPEndPoint(IPAddress.IPv6Any, port));
                return port;
            }
            catch (SocketException)
            {
                // Somebody has it.
            }
        }
    }
}
