using System.Text.Json;
using SseListener.Access;
using SseListener.Events;
using SseListener.Http;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>Streams that are refused, late, or have gaps. Those that only a browser has are in <c>Browsing</c>.</summary>
public sealed class TroublesOfListening : Troubles
{
    private const string Orders = "/events?channel=orders/42";
    private static readonly KeyTimes _often = new() { Shortest = TimeSpan.FromMilliseconds(1) };

    [Test]
    public async Task Curl_prints_nothing_until_the_stream_ends()
    {
        await using var server = TestServer.Start(o => o with { PresenceLimit = 0 });
        using var curl = RealClient.Curl($"http://127.0.0.1:{server.Port}/events");
        await Wait.UntilAsync(() => server.Server.Clients.Count == 1, "it does not listen");
        using var cured = RealClient.Curl($"-N http://127.0.0.1:{server.Port}/events");
        await cured.WritesAsync("event: hello");
        await server.PublishAsync("""{"data":1}""");
        await cured.WritesAsync("data: 1");
        Assert.That(curl.Output, Is.Empty);
        await server.Server.StopAsync();
        await curl.WritesAsync("data: 1");
    }

    [Test]
    public async Task A_private_channel_is_refused_with_401()
    {
        await using var server = Start();
        using var refused = await server.SendAsync("GET", Orders);
        await SeesAsync(refused, 401);
        Assert.That(refused.Headers.WwwAuthenticate.ToString(), Is.EqualTo("Bearer realm=\"sse\""));

        var token = Jwt.For(subscribe: ["orders/*"]);
        await ExpectStreamAsync(server, Orders, ("Authorization", "Bearer " + token));
        await ExpectStreamAsync(server, Orders, ("Cookie", "sse_token=" + token));
        await ExpectStreamAsync(server, $"{Orders}&token={token}");
    }

    [Test]
    public async Task A_token_is_refused_with_401()
    {
        await using var server = Start(o => o with { JwtIssuer = ["app"], JwtAudience = "sse" });
        var now = DateTimeOffset.UtcNow;
        string[] bad =
        [
            Token(exp: now.AddMinutes(-1)),
            Token(nbf: now.AddMinutes(1)),
            Token(secret: "another secret of thirty-two bytes"),
            Token(iss: "other"),
            Token(aud: "other"),
            Jwt.Hs256(Claims("app", "sse", now.AddMinutes(1), now), header: """{"alg":"none"}"""),
            Jwt.Hs256(Claims("app", "sse", now.AddMinutes(1), now).Replace("[\"orders/*\"]", "5", StringComparison.Ordinal)),
            "no token",
        ];
        foreach (var token in bad)
        {
            using var refused = await server.SendAsync("GET", Orders, ("Authorization", "Bearer " + token));
            await SeesAsync(refused, 401);
            Assert.That(refused.Headers.WwwAuthenticate.ToString(), Does.Contain("invalid_token"));
        }

        using var signer = new Signer("RS256", "old");
        using var provider = new Provider(signer);
        await using var other = Start(o => o with { JwtKey = [], Jwks = [new([], new Uri(provider.KeysAddress))], KeyTimes = _often });
        await ExpectStreamAsync(other, "/events?token=" + signer.Token());
        using var unknown = await other.SendAsync("GET", $"{Orders}&token={signer.Token(id: "new")}");
        await SeesAsync(unknown, 401);

        await LogsAsync(() => server.Logged + other.Logged);
        await ExpectStreamAsync(server, Orders, ("Authorization", "Bearer " + Token()));
    }

    [Test]
    public async Task A_token_is_refused_with_503()
    {
        using var signer = new Signer("RS256", "1");
        using var provider = new Provider(signer);
        provider.Close();
        await using var server = Start(o => o with
        {
            JwtKey = [],
            JwtIssuer = [provider.Issuer],
            KeyTimes = _often,
        });
        var token = ("Authorization", "Bearer " + signer.Token(provider.Issuer));
        using var refused = await server.SendAsync("POST", Orders, token);
        await SeesAsync(refused, 503);
        Assert.That(await server.IsAdmittedAsync("?channel=orders/42", token), Is.False);
        await LogsAsync(() => server.Logged);

        provider.Open();
        await Wait.UntilAsync(() => server.IsAdmittedAsync("?channel=orders/42", token), "the key does not count");
    }

    [Test]
    public async Task A_token_is_refused_with_403()
    {
        await using var server = Start();
        using var refused = await server.SendAsync("GET", Orders, ("Authorization", "Bearer " + Jwt.For(subscribe: ["orders/41"])));
        await SeesAsync(refused, 403);
        Assert.That(refused.Headers.WwwAuthenticate.ToString(), Does.Contain("insufficient_scope"));
        await LogsAsync(() => server.Logged);

        await ExpectStreamAsync(server, Orders, ("Authorization", "Bearer " + Jwt.For(subscribe: ["orders/*"])));
    }

    [Test]
    public async Task A_gap_comes_after_a_short_absence()
    {
        Assert.That(await AfterAnAbsenceAsync(o => o with { History = 10_000 }), Is.EqualTo("gap"));
        Sees("event: gap");

        Assert.That(await AfterAnAbsenceAsync(o => o), Is.EqualTo("message"));
        var rule = new KeepRule("quiet", 10_000, Age: null, Events: null);
        Assert.That(await AfterAnAbsenceAsync(o => o with { History = 10_000, Keep = [rule] }), Is.EqualTo("message"));
    }

    [Test]
    public async Task A_gap_comes_after_every_restart()
    {
        using var folder = new TempFolder();
        Assert.That(await AfterARestartAsync(data: null), Is.EqualTo("gap"));
        Sees("event: gap");

        Assert.That(await AfterARestartAsync(folder.Path), Is.EqualTo("message"));
    }

    [Test]
    public async Task A_client_gets_no_answer()
    {
        await using var server = TestServer.Start(o => o with { MaxClients = 1 });
        await using var client = await server.SubscribeAsync();
        using var refused = RealClient.Curl($"-N http://127.0.0.1:{server.Port}/events");
        Assert.That(await refused.EndAsync(), Is.EqualTo(52));
        Sees(refused.Errors);
        await LogsAsync(() => server.Logged);

        await using var cured = TestServer.Start(o => o with { MaxClients = 2 });
        await using var first = await cured.SubscribeAsync();
        await using var second = await cured.SubscribeAsync();
    }

    private static TestServer Start(Func<ServerOptions, ServerOptions>? change = null) =>
        TestServer.Start(o => (change ?? (same => same))(o with { JwtKey = SignedTokens.Key(Jwt.Secret), Private = ["orders/*"] }));

    // One that is good but for what is given.
    private static string Token(
        string iss = "app", string aud = "sse", DateTimeOffset? exp = null, DateTimeOffset? nbf = null, string secret = Jwt.Secret) =>
        Jwt.Hs256(Claims(iss, aud, exp ?? DateTimeOffset.UtcNow.AddMinutes(5), nbf ?? DateTimeOffset.UnixEpoch), secret);

    private static string Claims(string iss, string aud, DateTimeOffset exp, DateTimeOffset nbf) => JsonSerializer.Serialize(
        new { iss, aud, exp = exp.ToUnixTimeSeconds(), nbf = nbf.ToUnixTimeSeconds(), sse = new { subscribe = (string[])["orders/*"] } });

    private static async Task ExpectStreamAsync(TestServer server, string path, params (string, string)[] fields)
    {
        using var answer = await server.SendAsync("GET", path, fields);
        Assert.That((int)answer.StatusCode, Is.EqualTo(200));
    }

    // The type of what comes first when a client comes back to a quiet channel, while another one was busy.
    private static async Task<string> AfterAnAbsenceAsync(Func<ServerOptions, ServerOptions> change)
    {
        await using var server = TestServer.Start(change);
        var last = await server.PublishAsync("""{"data":"seen"}""", "quiet");
        await server.PublishAsync("""{"data":"missed"}""", "quiet");
        for (var i = 0; i < 10; i++)
            await server.PublishAsync($$"""{"data":"{{new string('x', 5_000)}}"}""", "busy");

        await using var stream = await server.SubscribeAsync("?channel=quiet", last);
        return (await stream.NextAsync()).EventType;
    }

    // The same when the server was started anew meanwhile.
    private static async Task<string> AfterARestartAsync(string? data)
    {
        string last;
        await using (var before = TestServer.Start(o => o with { Data = data }))
        {
            last = await before.PublishAsync("""{"data":"seen"}""");
            await before.PublishAsync("""{"data":"missed"}""");
        }

        await using var server = TestServer.Start(o => o with { Data = data });
        await using var stream = await server.SubscribeAsync("", last);
        return (await stream.NextAsync()).EventType;
    }
}
