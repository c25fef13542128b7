using System.Net;
using System.Text;
using SseListener.Http;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>What clients see through HAProxy with the configuration of <c>SseListener/Deploy</c>, beside what they see through others.</summary>
public sealed class BehindHaproxy
{
    private const string Token = "the-publish-token";
    private const int Streams = 20;

    [Test]
    public async Task An_event_arrives_at_once_on_20_streams_over_one_connection()
    {
        await using var server = Start();
        using var haproxy = await Haproxy.StartAsync(server.Port);
        var connections = 0;
        using var http = Publisher(haproxy.Connect(() => Interlocked.Increment(ref connections)));
        var streams = await Task.WhenAll(Enumerable.Range(0, Streams).Select(_ => EventStream.OpenAsync(http, "/events")));
        for (var i = 0; i < 10; i++)
        {
            // Each is waited for before there is another that could push it out of a buffer.
            await PublishAsync(http, $"{i}");
            foreach (var stream in streams)
                Assert.That((await stream.NextAsync()).Data, Is.EqualTo($"{i}"));
        }

        Assert.That(connections, Is.EqualTo(1));
    }

    [Test]
    public async Task Who_comes_back_gets_what_was_missed()
    {
        await using var server = Start();
        using var haproxy = await Haproxy.StartAsync(server.Port);
        using var http = Publisher(haproxy.Connect());
        string last;
        await using (var first = await EventStream.OpenAsync(http, "/events"))
            last = first.LastEventId;

        // A stream that its client resets ends for the server too, though the connection stays.
        await Wait.UntilAsync(() => server.Server.Clients.Count == 0, "HAProxy keeps the stream of who has left");
        await PublishAsync(http, "missed");
        await using var second = await EventStream.OpenAsync(http, "/events", last);
        Assert.That((await second.NextAsync()).Data, Is.EqualTo("missed"));
    }

    [Test]
    public async Task While_the_server_is_away_a_stream_gets_no_answer_and_a_publisher_503()
    {
        // To an EventSource any answer but 200 would be final.
        using var haproxy = await Haproxy.StartAsync(TestServer.FreePort());
        using var http = Publisher(haproxy.Connect());
        Assert.That(async () => await http.GetAsync(new Uri("/events?channel=orders", UriKind.Relative)), Throws.InstanceOf<HttpRequestException>());
        Assert.That(await StatusAsync(http, "some"), Is.EqualTo(HttpStatusCode.ServiceUnavailable));
    }

    [Test]
    public async Task Clients_are_counted_by_their_own_addresses_whatever_they_claim()
    {
        await using var server = Start(o => o with { MaxClientsPerAddress = 1 });
        using var haproxy = await Haproxy.StartAsync(server.Port);
        using var one = haproxy.Connect(from: "127.0.0.2");
        using var other = Publisher(haproxy.Connect(from: "127.0.0.3"));
        await using var first = await EventStream.OpenAsync(one, "/events");
        one.DefaultRequestHeaders.Add("X-Forwarded-For", "192.0.2.1");
        Assert.That(async () => await one.GetAsync(new Uri("/events", UriKind.Relative)), Throws.InstanceOf<HttpRequestException>());
        Assert.That(await server.MetricAsync("""sse_connects_refused_total{reason="address_limit"}"""), Is.GreaterThan(0));
        await using var third = await EventStream.OpenAsync(other, "/events");

        // Only that stream is reset, not the connection with all its others.
        await PublishAsync(other, "some");
        Assert.That((await first.NextAsync()).Data, Is.EqualTo("some"));
    }

    [Test]
    public async Task A_stream_without_events_outlives_its_timeouts()
    {
        await using var server = Start(o => o with { Heartbeat = TimeSpan.FromMilliseconds(200) });
        using var haproxy = await Haproxy.StartAsync(server.Port, silence: "1s");
        using var http = haproxy.Connect();
        await using var stream = await http.GetStreamAsync(new Uri("/events", UriKind.Relative));
        using var lines = new StreamReader(stream);
        for (var heartbeats = 0; heartbeats < 15;)
        {
            var line = await lines.ReadLineAsync().WaitAsync(Wait.Limit);
            Assert.That(line, Is.Not.Null, "it has ended");
            heartbeats += line == ":" ? 1 : 0;
        }
    }

    [Test]
    public async Task Publishing_needs_the_token_and_a_page_of_the_site()
    {
        await using var server = Start(o => o with { Cors = [Site.Origin] });
        using var haproxy = await Haproxy.StartAsync(server.Port);
        using var stranger = haproxy.Connect();
        Assert.That(await StatusAsync(stranger, "some"), Is.EqualTo(HttpStatusCode.Unauthorized));
        using var http = Publisher(haproxy.Connect());
        http.DefaultRequestHeaders.Add("Origin", Site.Origin);
        Assert.That(await StatusAsync(http, "some"), Is.EqualTo(HttpStatusCode.OK));
        http.DefaultRequestHeaders.Remove("Origin");
        http.DefaultRequestHeaders.Add("Origin", "https://other.example.com");
        Assert.That(await StatusAsync(http, "some"), Is.EqualTo(HttpStatusCode.Forbidden));
    }

    private static TestServer Start(Func<ServerOptions, ServerOptions>? change = null) =>
        TestServer.Start(o => (change ?? (same => same))(o with { PresenceLimit = 0, TrustProxy = true, PublishToken = Token }));

    private static HttpClient Publisher(HttpClient http)
    {
        http.DefaultRequestHeaders.Authorization = new("Bearer", Token);
        return http;
    }

    private static async Task PublishAsync(HttpClient http, string text) => Assert.That(await StatusAsync(http, text), Is.EqualTo(HttpStatusCode.OK));

    private static async Task<HttpStatusCode> StatusAsync(HttpClient http, string text)
    {
        using var content = new StringContent(text, Encoding.UTF8, "text/plain");
        using var answer = await http.PostAsync(new Uri("/events", UriKind.Relative), content);
        return answer.StatusCode;
    }
}
