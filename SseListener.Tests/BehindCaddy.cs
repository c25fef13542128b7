using System.Net;
using System.Text;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>What clients see through Caddy with the configuration of <c>SseListener/Deploy</c>, beside what they see through others.</summary>
public sealed class BehindCaddy
{
    [Test]
    public async Task While_the_server_is_away_a_stream_gets_no_answer_and_a_publisher_502()
    {
        // To an EventSource any answer but 200 would be final.
        using var caddy = await Caddy.StartAsync(TestServer.FreePort());
        using var http = caddy.Connect();
        var stream = new Uri("/events?channel=orders", UriKind.Relative);
        Assert.That(async () => await http.GetAsync(stream), Throws.InstanceOf<HttpRequestException>());
        Assert.That(await PublishAsync(http), Is.EqualTo(HttpStatusCode.BadGateway));
    }

    [Test]
    public async Task Clients_are_counted_by_their_own_addresses_whatever_they_claim()
    {
        await using var server = TestServer.Start(o => o with { MaxClientsPerAddress = 1, TrustProxy = true });
        using var caddy = await Caddy.StartAsync(server.Port);
        using var one = caddy.Connect();
        using var other = caddy.Connect("127.0.0.3");
        await using var first = await EventStream.OpenAsync(one, "/events");
        one.DefaultRequestHeaders.Add("X-Forwarded-For", "192.0.2.1");
        Assert.That(async () => await one.GetAsync(new Uri("/events", UriKind.Relative)), Throws.InstanceOf<HttpRequestException>());
        await server.ExpectMetricAsync("""sse_connects_refused_total{reason="address_limit"}""", 1);
        await using var third = await EventStream.OpenAsync(other, "/events");
    }

    [Test]
    public async Task Publishing_needs_the_token_though_the_proxy_is_on_the_same_machine()
    {
        await using var server = TestServer.Start(o => o with { TrustProxy = true, PublishToken = "a-token" });
        using var caddy = await Caddy.StartAsync(server.Port);
        using var http = caddy.Connect();
        Assert.That(await PublishAsync(http), Is.EqualTo(HttpStatusCode.Unauthorized));
        http.DefaultRequestHeaders.Authorization = new("Bearer", "a-token");
        Assert.That(await PublishAsync(http), Is.EqualTo(HttpStatusCode.OK));
    }

    private static async Task<HttpStatusCode> PublishAsync(HttpClient http)
    {
        using var content = new StringContent("some", Encoding.UTF8, "text/plain");
        using var answer = await http.PostAsync(new Uri("/events", UriKind.Relative), content);
        return answer.StatusCode;
    }
}
