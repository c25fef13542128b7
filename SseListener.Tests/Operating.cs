using System.Net;
using System.Text.Json;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>What an operator can ask a server: whether it is well, and what it is doing.</summary>
public sealed class Operating
{
    private static readonly (string, string)[] _nothing = [];

    [TestCase("GET")]
    [TestCase("HEAD")]
    public async Task A_server_that_is_well_says_so(string method)
    {
        await using var server = TestServer.Start();
        using var answer = await server.SendAsync(method, "/healthz", _nothing);
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        Assert.That(answer.Headers.CacheControl?.NoStore, Is.True);
        Assert.That(await answer.Content.ReadAsStringAsync(), Is.EqualTo(method == "GET" ? """{"status":"ok"}""" : ""));
    }

    [Test]
    public async Task One_that_drains_is_not_well_but_can_be_watched()
    {
        await using var server = TestServer.Start(o => o with { Drain = TimeSpan.FromMinutes(1) });
        await using var first = await server.SubscribeAsync();
        await using var second = await server.SubscribeAsync();
        var stopping = server.Server.StopAsync();
        using var health = await server.SendAsync("GET", "/healthz", _nothing);
        Assert.That((int)health.StatusCode, Is.EqualTo(503));
        Assert.That(health.Headers.RetryAfter, Is.Not.Null);
        Assert.That(await health.Content.ReadAsStringAsync(), Does.Contain("The server is stopping."));
        await server.ExpectMetricAsync("sse_clients", 1);
        using var status = JsonDocument.Parse(await server.Http.GetStringAsync(new Uri("/status", UriKind.Relative)));
        Assert.That(status.RootElement.GetProperty("status").GetString(), Is.EqualTo("The server is stopping."));

        // Nobody is left to be waited for.
        await first.DisposeAsync();
        await second.DisposeAsync();
        await stopping;
    }

    [Test]
    public async Task One_whose_journal_cannot_be_written_is_not_well_until_it_can_also_when_nobody_publishes()
    {
        using var folder = new TempFolder();
        var path = folder.Path + "/data";
        await using var server = TestServer.Start(o => o with { Data = path });
        await ExpectAsync(server, "/healthz", 200);
        Directory.Delete(path, recursive: true);
        await File.WriteAllTextAsync(path, "in its place");
        using var refused = await server.PostAsync("/events", "text/plain", "text");
        Assert.That((int)refused.StatusCode, Is.EqualTo(503));
        using var health = await server.SendAsync("GET", "/healthz", _nothing);
        await Problem.ExpectAsync(health, 503, "The journal cannot be written.");
        File.Delete(path);
        await Wait.UntilAsync(async () =>
        {
            using var answer = await server.SendAsync("GET", "/healthz", _nothing);
            return answer.IsSuccessStatusCode;
        }, "it does not get well");
        await server.LogsAsync("the journal can be written again");
        var file = Directory.GetFiles(path, "journal-*").Single();
        Assert.That(new FileInfo(file).Length, Is.Zero, "what was tried has not been taken back");
        await server.PublishAsync("""{"data":1}""");
        Assert.That(await File.ReadAllTextAsync(file), Does.Not.Contain("::"));
    }

    [Test]
    public async Task The_status_tells_what_the_server_is_doing()
    {
        await using var server = TestServer.Start(o => o with { PresenceLimit = 0, MaxClients = 7, MaxChannels = 8, History = 9_000, Lanes = 2 });
        await using var client = await server.SubscribeAsync("?channel=a&channel=b/*");
        await server.PublishAsync("""{"data":1}""", "a");
        await client.NextAsync();
        using var document = JsonDocument.Parse(await server.Http.GetStringAsync(new Uri("/status", UriKind.Relative)));
        var status = document.RootElement;
        Assert.That(status.GetProperty("version").GetString(), Is.EqualTo(Metrics.ServerMetrics.Version));
        Assert.That(status.GetProperty("status").GetString(), Is.EqualTo("ok"));
        Assert.That(status.GetProperty("uptimeSeconds").GetInt64(), Is.InRange(0, 60));
        Assert.That(status.GetProperty("lanes").GetInt32(), Is.EqualTo(2));
        Assert.That(status.GetProperty("clients").ToString(), Does.Match("""^\{\s*"now": 1,\s*"ever": 1,\s*"limit": 7\s*\}$"""));
        Assert.That(status.GetProperty("channels").ToString(), Does.Match("""^\{\s*"now": 1,\s*"patterns": 1,\s*"limit": 8\s*\}$"""));
        Assert.That(status.GetProperty("history").ToString(), Does.Match("""^\{\s*"events": 1,\s*"bytes": 24,\s*"limitBytes": 9000,\s*"journal": false\s*\}$"""));
        Assert.That(status.GetProperty("perSecond").GetProperty("eventsPublished").GetDouble(), Is.GreaterThan(0));
        Assert.That(status.GetProperty("perSecond").GetProperty("eventsDelivered").GetDouble(), Is.GreaterThan(0));
    }

    [TestCase("/status")]
    [TestCase("/metrics")]
    public async Task Without_a_token_only_this_machine_may_see_it(string path)
    {
        await using var server = TestServer.Start(o => o with { TrustProxy = true });
        await ExpectAsync(server, path, 200);
        await ExpectAsync(server, path, 200, ("Host", $"localhost:{server.Port}"));
        await ExpectAsync(server, path, 403, ("X-Forwarded-For", "127.0.0.1"));
        await ExpectAsync(server, path, 403, ("Forwarded", "for=127.0.0.1"));
        await ExpectAsync(server, path, 403, ("Via", "1.1 proxy"));
        await ExpectAsync(server, path, 403, ("X-Real-IP", "127.0.0.1"));
        await ExpectAsync(server, path, 403, ("Sec-Fetch-Site", "cross-site"));
        await ExpectAsync(server, path, 403, ("Origin", "https://elsewhere.example"));
    }

    [TestCase("/status")]
    [TestCase("/metrics")]
    public async Task Others_may_see_it_with_a_right_to_publish(string path)
    {
        await using var server = TestServer.Start(o => o with { PublishToken = "s3cret", JwtKey = SignedTokens.Key(Jwt.Secret) });
        var elsewhere = ("X-Forwarded-For", "203.0.113.7");
        await ExpectAsync(server, path, 200);
        await ExpectAsync(server, path, 401, elsewhere);
        await ExpectAsync(server, path, 401, elsewhere, ("Authorization", "Bearer wrong"));
        await ExpectAsync(server, path, 200, elsewhere, ("Authorization", "Bearer s3cret"));
        await ExpectAsync(server, path, 200, elsewhere, ("Authorization", "Bearer " + Jwt.For(publish: ["orders/42"])));
        await ExpectAsync(server, path, 403, elsewhere, ("Authorization", "Bearer " + Jwt.For(subscribe: ["*"])));
        await ExpectAsync(server, path, 401, elsewhere, ("Cookie", "sse_token=s3cret"));
    }

    [Test]
    public async Task A_name_that_was_pointed_at_this_machine_does_not_make_a_page_one_of_this_machine()
    {
        await using var server = TestServer.Start(o => o with { Host = "+", OpenPublish = true });
        await ExpectAsync(server, "/status", 200, ("Host", $"127.0.0.1:{server.Port}"));
        await ExpectAsync(server, "/status", 200, ("Host", $"localhost.:{server.Port}"));
        await ExpectAsync(server, "/status", 403, ("Host", $"rebound.example:{server.Port}"));
        await ExpectAsync(server, "/healthz", 200, ("Host", $"rebound.example:{server.Port}"));
    }

    [Test]
    public async Task A_request_without_a_host_is_not_one_of_this_machine()
    {
        await using var server = TestServer.Start(o => o with { Host = "+", OpenPublish = true });
        Assert.That(await RawRequest.ExchangeAsync(server.Port, "GET /status HTTP/1.0\r\n\r\n"), Does.Contain(" 403 "));
        await ExpectAsync(server, "/status", 200, ("Host", $"LocalHost:{server.Port}"));
    }

    [TestCase("/healthz")]
    [TestCase("/status")]
    [TestCase("/metrics")]
    public async Task They_are_only_read(string path)
    {
        await using var server = TestServer.Start();
        using var answer = await server.SendAsync("POST", path, _nothing);
        Assert.That((int)answer.StatusCode, Is.EqualTo(405));
        Assert.That(answer.Content.Headers.Allow, Is.EquivalentTo((string[])["GET", "HEAD"]));
    }

    private static async Task ExpectAsync(TestServer server, string path, int status, params (string, string)[] fields)
    {
        using var answer = await server.SendAsync("GET", path, fields);
        Assert.That((int)answer.StatusCode, Is.EqualTo(status), string.Join(", ", fields));
    }
}
