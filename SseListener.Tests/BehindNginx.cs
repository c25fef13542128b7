using System.Net;
using System.Net.Http.Headers;
using System.Text;
using SseListener.Http;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>What clients see through nginx with the configuration of <c>SseListener/Deploy</c>, over TLS and HTTP/2.</summary>
public sealed class BehindNginx
{
    private const string Token = "the-publish-token";
    private const int Streams = 20;

    [Test]
    public async Task An_event_arrives_at_once_on_20_streams_over_one_connection()
    {
        await using var server = Start();
        using var nginx = await Nginx.StartAsync(server.Port);
        var connections = 0;
        using var http = nginx.Connect(() => Interlocked.Increment(ref connections));
        var streams = await Task.WhenAll(Enumerable.Range(0, Streams).Select(_ => EventStream.OpenAsync(http, "/events")));
        for (var i = 0; i < 10; i++)
        {
            // Each is waited for before there is another that could push it out of a buffer.
            var id = await PublishAsync(http, "some");
            foreach (var stream in streams)
                Assert.That((await stream.NextAsync()).EventId, Is.EqualTo(id));
        }

        Assert.That(connections, Is.EqualTo(1));
        Assert.That(server.Server.Clients, Has.Count.EqualTo(Streams));
    }

    [Test]
    public async Task Who_comes_back_gets_what_was_missed()
    {
        await using var server = Start();
        using var nginx = await Nginx.StartAsync(server.Port);
        using var http = nginx.Connect();
        string last;
        await using (var first = await EventStream.OpenAsync(http, "/events"))
        {
            last = await PublishAsync(http, "seen");
            Assert.That((await first.NextAsync()).Data, Is.EqualTo("seen"));
        }

        // A stream that its client resets ends for the server too, though the connection stays.
        await Wait.UntilAsync(() => server.Server.Clients.Count == 0, "nginx keeps the stream of who has left");
        await PublishAsync(http, "missed");
        await using var second = await EventStream.OpenAsync(http, "/events", last);
        Assert.That((await second.NextAsync()).Data, Is.EqualTo("missed"));
    }

    [Test]
    public async Task A_restart_ends_all_streams_at_once_and_they_resume_without_a_loss()
    {
        using var data = new TempFolder();
        var arguments = $"--data {data.Path} --presence-limit 0 --trust-proxy --publish-token {Token}";
        var (program, port) = await BuiltProgram.ListenAsync(arguments);
        using var nginx = await Nginx.StartAsync(port);
        using var http = nginx.Connect();
        var before = new List<string>();
        using (program)
        {
            var streams = await Task.WhenAll(Enumerable.Range(0, Streams).Select(_ => EventStream.OpenAsync(http, "/events?channel=default&channel=quiet")));
            await PublishAsync(http, "seen");
            foreach (var stream in streams)
                Assert.That((await stream.NextAsync()).Data, Is.EqualTo("seen"));

            await PublishAsync(http, "the last");
            program.Signal("TERM");
            foreach (var stream in streams)
            {
                // Nothing is cut off: what was under way when the server ended arrives before the end.
                Assert.That(await stream.ReadToEndAsync(), Is.EqualTo((string[])["the last"]));
                before.Add(stream.LastEventId);
            }

            Assert.That(await program.EndAsync(), Is.Zero);
        }

        // Publishers are told; a stream has no answer at all, because a browser gives up for good after one that is not 200.
        Assert.That(await StatusAsync(http, Token), Is.EqualTo(502));
        Assert.That(await IsAnsweredAsync(http), Is.False);

        using var restarted = await BuiltProgram.ListenAgainAsync(port, arguments);
        await PublishAsync(http, "missed");
        foreach (var last in before)
        {
            await using var stream = await EventStream.OpenAsync(http, "/events?channel=default&channel=quiet", last);
            Assert.That((await stream.NextAsync()).Data, Is.EqualTo("missed"));
        }

        Assert.That(nginx.Errors, Does.Not.Contain("[crit]").And.Not.Contain("[alert]").And.Not.Contain("[emerg]"));
    }

    [Test]
    public async Task A_stream_that_the_server_ends_is_a_whole_response_and_not_reset([Values("dismissal", "max-age")] string end)
    {
        await using var server = TestServer.Start(o => o.EndingBy(end) with { TrustProxy = true });
        using var nginx = await Nginx.StartAsync(server.Port);
        using var http = nginx.Connect();
        await using var stream = await EventStream.OpenAsync(http, "/events");
        await server.EndStreamAsync(end);
        Assert.That(await stream.ReadToEndAsync(), Is.Empty);
        Assert.That(nginx.Errors, Does.Not.Contain("prematurely"));
    }

    [Test]
    public async Task Publishing_needs_the_token_and_a_page_of_the_site()
    {
        // As the document says.
        using var data = new TempFolder();
        var file = Path.Combine(data.Path, "token");
        await File.WriteAllTextAsync(file, Token);
        var start = new Document("SseListener/Docs/proxies.md").Line("./run.sh ")["./run.sh ".Length..];
        var (program, port) = await BuiltProgram.ListenAsync(start.Replace(" publish-token", $" {file}", StringComparison.Ordinal));
        using var running = program;
        using var nginx = await Nginx.StartAsync(port);
        using var http = nginx.Connect();
        Assert.That(await StatusAsync(http, Token), Is.EqualTo(200));
        Assert.That(await StatusAsync(http, Token, Site.Origin), Is.EqualTo(200));
        Assert.That(await StatusAsync(http, Token, "https://other.example.com"), Is.EqualTo(403));
        Assert.That(await StatusAsync(http, Token, "https://localhost"), Is.EqualTo(200), "a page on the machine itself");
        Assert.That(await StatusAsync(http, "another token"), Is.EqualTo(401));
        Assert.That(await StatusAsync(http, token: null), Is.EqualTo(401));
    }

    [Test]
    public async Task Clients_are_counted_by_their_own_addresses_whatever_they_claim()
    {
        // Over a connection with other streams nginx sends a reset only with what comes next on it, which is a heartbeat here.
        await using var server = Start(o => o with { MaxClientsPerAddress = 1, Heartbeat = TimeSpan.FromSeconds(1) });
        using var nginx = await Nginx.StartAsync(server.Port);
        using var one = nginx.Connect(from: "127.0.0.2");
        using var other = nginx.Connect(from: "127.0.0.3");
        await using var first = await EventStream.OpenAsync(one, "/events");
        one.DefaultRequestHeaders.Add("X-Forwarded-For", "192.0.2.1");

        // The server closes the connection without an answer, and so does nginx: to an EventSource any answer would be final.
        Assert.That(await IsAnsweredAsync(one), Is.False);
        await server.ExpectMetricAsync("""sse_connects_refused_total{reason="address_limit"}""", 1);
        await using var third = await EventStream.OpenAsync(other, "/events");
    }

    [Test]
    public async Task Publishes_one_after_another_all_arrive()
    {
        // More than HttpListener answers on one connection.
        await using var server = Start();
        using var nginx = await Nginx.StartAsync(server.Port);
        using var http = nginx.Connect();
        await using var stream = await EventStream.OpenAsync(http, "/events");
        for (var i = 0; i < 250; i++)
        {
            var id = await PublishAsync(http, "some");
            Assert.That((await stream.NextAsync()).EventId, Is.EqualTo(id));
        }
    }

    private static TestServer Start(Func<ServerOptions, ServerOptions>? change = null) =>
        TestServer.Start(o => (change ?? (same => same))(o with { PresenceLimit = 0, TrustProxy = true, PublishToken = Token }));

    private static async Task<string> PublishAsync(HttpClient http, string text)
    {
        using var answer = await PostAsync(http, text, Token);
        var body = await answer.Content.ReadAsStringAsync();
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.OK), body);
        return body["{\"id\":\"".Length..^2];
    }

    private static async Task<int> StatusAsync(HttpClient http, string? token, string? origin = null)
    {
        using var answer = await PostAsync(http, "text", token, origin);
        return (int)answer.StatusCode;
    }

    private static async Task<bool> IsAnsweredAsync(HttpClient http)
    {
        try
        {
            using var answer = await http.GetAsync(new Uri("/events", UriKind.Relative), HttpCompletionOption.ResponseHeadersRead);
            return true;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    private static async Task<HttpResponseMessage> PostAsync(HttpClient http, string text, string? token, string? origin = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/events");
        request.Content = new StringContent(text, Encoding.UTF8, "text/plain");
        request.Headers.Authorization = token is null ? null : new AuthenticationHeaderValue("Bearer", token);
        if (origin is not null)
            request.Headers.Add("Origin", origin);

        return await http.SendAsync(request);
    }
}
