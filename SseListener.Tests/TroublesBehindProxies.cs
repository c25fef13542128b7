using System.Net;
using SseListener.Http;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>What a proxy does to requests and streams. It is nginx with little configuration; where that is the cure, with ours.</summary>
public sealed class TroublesBehindProxies : Troubles
{
    [Test]
    public async Task Every_request_is_refused_with_421_behind_a_proxy()
    {
        await using var server = TestServer.Start();
        using var nginx = await Nginx.StartWithDefaultsAsync(server.Port, "proxy_set_header Host $host;");
        using var http = nginx.ConnectPlainly();
        using var request = new HttpRequestMessage(HttpMethod.Get, "/") { Headers = { Host = "sse.example.com" } };
        using var refused = await http.SendAsync(request);
        await SeesAsync(refused, 421);

        using var cured = await Nginx.StartAsync(server.Port);
        using var site = cured.Connect();
        Assert.That((await site.GetAsync(new Uri("/", UriKind.Relative))).StatusCode, Is.EqualTo(HttpStatusCode.OK));
    }

    [Test]
    public async Task The_pages_of_the_site_may_not_publish_behind_a_proxy()
    {
        await using var server = TestServer.Start();
        using var nginx = await Nginx.StartAsync(server.Port);
        using var http = nginx.Connect();
        using var refused = await PublishAsync(http, ("Origin", Site.Origin));
        await SeesAsync(refused, 403);

        await using var named = TestServer.Start(o => o with { Cors = [Site.Origin] });
        using var cured = await Nginx.StartAsync(named.Port);
        using var site = cured.Connect();
        using var published = await PublishAsync(site, ("Origin", Site.Origin));
        Assert.That(published.StatusCode, Is.EqualTo(HttpStatusCode.OK));
    }

    [Test]
    public async Task Events_come_in_bunches_behind_a_proxy()
    {
        await using var server = TestServer.Start(o => o with { PresenceLimit = 0 });
        await using var direct = await server.SubscribeAsync();
        using var nginx = await Nginx.StartWithDefaultsAsync(server.Port, "proxy_ignore_headers X-Accel-Buffering;");
        using var curl = RealClient.Curl($"-N http://127.0.0.1:{nginx.Port}/events");
        await Wait.UntilAsync(() => server.Server.Clients.Count == 2, "it does not listen");
        using var cured = await Nginx.StartWithDefaultsAsync(server.Port);
        using var other = RealClient.Curl($"-N http://127.0.0.1:{cured.Port}/events");
        await other.WritesAsync("event: hello");
        await server.PublishAsync("""{"data":1}""");
        await direct.NextAsync();
        await other.WritesAsync("data: 1");
        Assert.That(curl.Output, Is.Empty);
        await server.Server.StopAsync();
        await curl.WritesAsync("data: 1");
    }

    [Test]
    public async Task Streams_end_after_a_minute_behind_a_proxy()
    {
        // Two seconds in place of the minute.
        const string Timeout = "proxy_read_timeout 2s;";
        await using var server = TestServer.Start();
        using var nginx = await Nginx.StartWithDefaultsAsync(server.Port, Timeout);
        using var curl = RealClient.Curl($"-N http://127.0.0.1:{nginx.Port}/events");
        await curl.EndAsync();
        Sees(nginx.Errors);

        await using var lively = TestServer.Start(o => o with { Heartbeat = TimeSpan.FromMilliseconds(100) });
        using var cured = await Nginx.StartWithDefaultsAsync(lively.Port, Timeout);
        using var stays = RealClient.Curl($"-N http://127.0.0.1:{cured.Port}/events");
        await stays.WritesAsync(":\n\n", times: 40);
        Assert.That(cured.Errors, Does.Not.Contain("timed out"));
    }

    [Test]
    public async Task Streams_do_not_come_back_after_a_restart_behind_a_proxy()
    {
        var away = TestServer.FreePort();
        using var nginx = await Nginx.StartWithDefaultsAsync(away);
        using var http = nginx.ConnectPlainly();
        using var refused = await http.GetAsync(new Uri("/events", UriKind.Relative));
        Assert.That(refused.StatusCode, Is.EqualTo(HttpStatusCode.BadGateway));
        Sees(nginx.Errors);

        using var cured = await Nginx.StartAsync(away);
        using var site = cured.Connect();
        Assert.That(async () => await site.GetAsync(new Uri("/events", UriKind.Relative)), Throws.InstanceOf<HttpRequestException>());
        using var caddy = await Caddy.StartAsync(away);
        using var other = caddy.Connect();
        Assert.That(async () => await other.GetAsync(new Uri("/events", UriKind.Relative)), Throws.InstanceOf<HttpRequestException>());
    }

    [Test]
    public async Task Clients_behind_a_proxy_count_as_one_address()
    {
        await using var server = TestServer.Start(LimitedTo(1));
        using var nginx = await Nginx.StartAsync(server.Port);
        using var one = nginx.Connect(from: "127.0.0.2");
        using var other = nginx.Connect(from: "127.0.0.3");
        await using var first = await EventStream.OpenAsync(one, "/events");
        Assert.That(async () => await other.GetAsync(new Uri("/events", UriKind.Relative)), Throws.InstanceOf<HttpRequestException>());
        await LogsAsync(() => server.Logged);

        await using var trusting = TestServer.Start(o => LimitedTo(1)(o) with { TrustProxy = true });
        using var cured = await Nginx.StartAsync(trusting.Port);
        using var again = cured.Connect(from: "127.0.0.2");
        using var another = cured.Connect(from: "127.0.0.3");
        await using var second = await EventStream.OpenAsync(again, "/events");
        await using var third = await EventStream.OpenAsync(another, "/events");
    }

    [Test]
    public async Task The_status_is_refused_with_403_behind_a_proxy()
    {
        await using var server = TestServer.Start();
        using var nginx = await Nginx.StartAsync(server.Port);
        using var http = nginx.Connect();
        using var refused = await http.GetAsync(new Uri("/status", UriKind.Relative));
        await SeesAsync(refused, 403);
        Assert.That((await server.Http.GetAsync(new Uri("/status", UriKind.Relative))).StatusCode, Is.EqualTo(HttpStatusCode.OK));

        await using var known = TestServer.Start(o => o with { PublishToken = "t" });
        using var cured = await Nginx.StartAsync(known.Port);
        using var operating = cured.Connect();
        operating.DefaultRequestHeaders.Authorization = new("Bearer", "t");
        Assert.That((await operating.GetAsync(new Uri("/status", UriKind.Relative))).StatusCode, Is.EqualTo(HttpStatusCode.OK));
    }

    private static Func<ServerOptions, ServerOptions> LimitedTo(int clients) => o => o with { MaxClientsPerAddress = clients };

    private static async Task<HttpResponseMessage> PublishAsync(HttpClient http, (string Name, string Value) field)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/events") { Content = new StringContent("text") };
        request.Headers.Add(field.Name, field.Value);
        return await http.SendAsync(request);
    }
}
