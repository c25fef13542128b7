using SseListener.Cli;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>What pages of other sites may do when their origin is listed, and that no others may.</summary>
public sealed class PagesOfOtherOrigins
{
    private const string App = "https://app.example.com";

    [TestCase("/events", "GET", "GET, HEAD, POST")]
    [TestCase("/events", "POST", "GET, HEAD, POST")]
    [TestCase("/events?chanel=x", "POST", "GET, HEAD, POST")]
    [TestCase("/generate", "POST", "POST")]
    [TestCase("/clients/x", "DELETE", "DELETE")]
    public async Task A_listed_one_is_told_what_it_may_send(string path, string method, string methods)
    {
        await using var server = Start();
        using var answer = await server.SendAsync("OPTIONS", path, ("Origin", App), ("Access-Control-Request-Method", method), ("Access-Control-Request-Headers", "authorization,content-type"));
        Assert.That((int)answer.StatusCode, Is.EqualTo(204));
        Assert.That(Field(answer, "Access-Control-Allow-Origin"), Is.EqualTo(App));
        Assert.That(Field(answer, "Access-Control-Allow-Credentials"), Is.EqualTo("true"));
        Assert.That(Field(answer, "Access-Control-Allow-Methods"), Is.EqualTo(methods));
        Assert.That(Field(answer, "Access-Control-Allow-Headers"), Is.EqualTo("Authorization, Cache-Control, Content-Type, Last-Event-ID"));
        Assert.That(Field(answer, "Access-Control-Max-Age"), Is.EqualTo("600"));
        Assert.That(Field(answer, "Vary"), Is.EqualTo("Origin, Access-Control-Request-Method, Access-Control-Request-Headers"));
        Assert.That(await answer.Content.ReadAsByteArrayAsync(), Is.Empty);
    }

    [TestCase("https://evil.example")]
    [TestCase("http://app.example.com")]
    [TestCase("https://app.example.com:8443")]
    [TestCase("https://APP.example.com")]
    [TestCase("https://app.example.com.evil.example")]
    [TestCase("https://app.example.com/")]
    [TestCase("null")]
    [TestCase("*")]
    [TestCase("")]
    public async Task A_stranger_is_never_named(string origin)
    {
        await using var server = Start();
        using var preflight = await server.SendAsync("OPTIONS", "/events", ("Origin", origin), ("Access-Control-Request-Method", "POST"));
        await Problem.ExpectAsync(preflight, 403, "may not use the server");
        using var subscribed = await server.SendAsync("GET", "/events", ("Origin", origin));
        using var published = await server.SendAsync("POST", "/events", ("Origin", origin));
        await Problem.ExpectAsync(published, 403, "it is not this server");
        foreach (var answer in (HttpResponseMessage[])[preflight, subscribed, published])
        {
            Assert.That(answer.Headers.Select(header => header.Key), Has.None.StartsWith("Access-Control-"));
            Assert.That(Field(answer, "Vary"), Does.StartWith("Origin"));
        }

        await Wait.UntilAsync(() => server.Logged.Split("--cors lists the origins whose pages may.").Length == 4, "the log says what would let each of them in");
    }

    [Test]
    public async Task A_listed_one_listens_publishes_and_reads_refusals()
    {
        await using var server = Start();
        using var subscribed = await server.SendAsync("GET", "/events", ("Origin", App), ("Sec-Fetch-Site", "cross-site"));
        using var published = await server.SendAsync("POST", "/events", ("Origin", App), ("Sec-Fetch-Site", "cross-site"));
        using var refused = await server.SendAsync("GET", "/events?channel=%20", ("Origin", App));
        foreach (var (answer, status) in ((HttpResponseMessage, int)[])[(subscribed, 200), (published, 200), (refused, 400)])
        {
            Assert.That((int)answer.StatusCode, Is.EqualTo(status));
            Assert.That(Field(answer, "Access-Control-Allow-Origin"), Is.EqualTo(App));
            Assert.That(Field(answer, "Access-Control-Allow-Credentials"), Is.EqualTo("true"));
            Assert.That(Field(answer, "Access-Control-Expose-Headers"), Is.EqualTo("Retry-After, WWW-Authenticate"));
            Assert.That(Field(answer, "Vary"), Is.EqualTo("Origin"));
        }
    }

    [TestCase("GET", "/events?channel=%20", 400)]
    [TestCase("GET", "/events?channel=secret", 401)]
    [TestCase("PUT", "/events", 405)]
    [TestCase("DELETE", "/clients/nobody", 401)]
    public async Task Every_refusal_can_be_read(string method, string path, int status)
    {
        await using var server = TestServer.Start(o => o with { Cors = [App], JwtKey = SignedTokens.Key(Jwt.Secret), Private = ["secret"] });
        using var answer = await server.SendAsync(method, path, ("Origin", App));
        Assert.That((int)answer.StatusCode, Is.EqualTo(status));
        Assert.That(Field(answer, "Access-Control-Allow-Origin"), Is.EqualTo(App));
        using var without = await server.SendAsync(method, path);
        Assert.That((Field(without, "Access-Control-Allow-Origin"), Field(without, "Vary")), Is.EqualTo(((string?)null, "Origin")));
    }

    [Test]
    public async Task The_refusal_of_a_malformed_URL_can_be_read()
    {
        await using var server = Start();
        var answer = await RawRequest.ExchangeAsync(server.Port, RawRequest.Head(server.Port, "GET /events?x=%zz", "Origin: " + App, "Connection: close"));
        Assert.That(answer, Does.StartWith("HTTP/1.1 400 ").And.Contain("Access-Control-Allow-Origin: " + App));
    }

    [Test]
    public async Task What_only_looks_like_a_preflight_is_none()
    {
        await using var server = Start();
        using var options = await server.SendAsync("OPTIONS", "/events", ("Origin", App));
        await Problem.ExpectAsync(options, 405, "GET, HEAD, POST");
    }

    [Test]
    public async Task Without_a_list_nothing_varies_and_every_preflight_is_refused()
    {
        await using var server = TestServer.Start();
        using var published = await server.SendAsync("POST", "/events");
        Assert.That(published.Headers.Vary, Is.Empty);
        using var preflight = await server.SendAsync("OPTIONS", "/events", ("Origin", App), ("Access-Control-Request-Method", "POST"));
        await Problem.ExpectAsync(preflight, 403, "may not use the server");
        using var options = await server.SendAsync("OPTIONS", "/events");
        await Problem.ExpectAsync(options, 405, "GET, HEAD, POST");
    }

    [TestCase("https://app.example.com", "https://app.example.com")]
    [TestCase("HTTPS://App.Example.com", "https://app.example.com")]
    [TestCase("http://localhost:8080", "http://localhost:8080")]
    public void An_origin_is_taken_as_browsers_write_it(string text, string origin)
    {
        Assert.That(Units.TryOrigin(text, out var value, out _), Is.True);
        Assert.That(value, Is.EqualTo(origin));
    }

    [TestCase("*")]
    [TestCase("null")]
    [TestCase("app.example.com")]
    [TestCase("https://app.example.com/")]
    [TestCase("https://app.example.com/path")]
    [TestCase("https://app.example.com:443")]
    [TestCase("https://user@app.example.com")]
    [TestCase("ftp://app.example.com")]
    [TestCase("https://*.example.com")]
    [TestCase("https://bücher.example")]
    [TestCase("")]
    public void What_no_browser_would_send_is_not_taken(string text) => Assert.That(Units.TryOrigin(text, out _, out _), Is.False);

    private static TestServer Start() => TestServer.Start(o => o with { Cors = ["https://other.example", App] });

    private static string? Field(HttpResponseMessage answer, string name) =>
        answer.Headers.TryGetValues(name, out var values) ? string.Join(", ", values) : null;
}
