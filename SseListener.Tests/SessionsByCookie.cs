using System.Text;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>An application's sessions, which nginx with <c>nginx-sessions.conf</c> turns into tokens that no page sees.</summary>
public sealed class SessionsByCookie
{
    private const string Private = "/events?channel=user/ann";

    [Test]
    public async Task Who_has_a_session_hears_what_its_token_covers_and_sees_no_token()
    {
        await using var server = Start();
        using var application = ApplicationOf("ann");
        using var nginx = await Nginx.StartAsync(server.Port, application);
        using var http = Page(nginx, "ann");
        await using var stream = await EventStream.OpenAsync(http, Private);
        Assert.That(await StatusAsync(server.Http, Private, "secret", Bearer(Jwt.For(publish: ["*"]))), Is.EqualTo(200));
        Assert.That((await stream.NextAsync()).Data, Is.EqualTo("secret"));
        Assert.That(stream.Headers.ToString(), Does.Not.Contain("eyJ"));
        Assert.That(await http.GetStringAsync(new Uri("/channels/user/ann", UriKind.Relative)), Does.Contain("\"user\":\"ann\"").And.Not.Contain("eyJ"));

        // Some sites have a password of their own besides.
        Assert.That(await StatusAsync(http, "/channels/user/ann", body: null, ("Authorization", "Basic YTpi")), Is.EqualTo(200));

        // The application is asked with the cookie and without a body, and the hub gets none.
        Assert.That(application.Questions, Is.EqualTo((string[])["GET session=ann", "GET session=ann", "GET session=ann"]));
        Assert.That(server.Logged, Does.Not.Contain("cookie:").IgnoreCase);
    }

    [Test]
    public async Task Without_a_session_there_is_the_answer_of_the_application()
    {
        await using var server = Start();
        using var application = ApplicationOf("ann");
        application.Sessions["visitor"] = () => "";
        using var nginx = await Nginx.StartAsync(server.Port, application);
        using var stranger = Page(nginx, "nobody");
        Assert.That(await StatusAsync(stranger, Private), Is.EqualTo(401));
        Assert.That(await StatusAsync(stranger, Private, body: null, ("X-SSE-Token", TokenOf("ann"))), Is.EqualTo(401));
        foreach (var path in (string[])["/sse-session", "/SSE-Session", "/sse-session/", "/sse-session?x"])
            Assert.That(await StatusAsync(stranger, path), Is.EqualTo(404), path);

        // An empty token is none. Over HTTP/2 the blank behind the scheme arrives.
        Assert.That(await StatusAsync(stranger, "/events", body: null, ("Authorization", "Bearer ")), Is.EqualTo(401));
        application.Refusal = 403;
        Assert.That(await StatusAsync(stranger, "/channels/user/ann"), Is.EqualTo(403));

        // One without a token may listen to what is open.
        using var visitor = Page(nginx, "visitor");
        await using var open = await EventStream.OpenAsync(visitor, "/events");
        Assert.That(await StatusAsync(visitor, Private), Is.EqualTo(401));
        using var ann = Page(nginx, "ann");
        Assert.That(await StatusAsync(ann, "/events?channel=user/bob"), Is.EqualTo(403));
    }

    [TestCase("cross-site")]
    [TestCase("same-site")]
    [TestCase("none")]
    [TestCase(null)]
    public async Task The_session_counts_for_pages_of_the_site_only(string? site)
    {
        await using var server = Start();
        using var application = ApplicationOf("ann");
        using var nginx = await Nginx.StartAsync(server.Port, application);
        using var http = nginx.Connect();
        (string, string)[] fields = [("Cookie", "session=ann"), .. site is null ? [] : ((string, string)[])[("Sec-Fetch-Site", site)]];
        foreach (var path in (string[])[Private, "/events", "/channels/user/ann", "/channels?prefix=user/"])
            Assert.That(await StatusAsync(http, path, body: null, fields), Is.EqualTo(403), path);

        Assert.That(await StatusAsync(http, Private, "forged", fields), Is.EqualTo(403));
        Assert.That(application.Questions, Is.Empty);
    }

    [Test]
    public async Task A_page_publishes_what_the_token_of_its_session_covers()
    {
        // The server is started as the document says.
        var start = new Document("SseListener/Docs/sessions.md").Line("./run.sh ")["./run.sh ".Length..];
        var (program, port) = await BuiltProgram.ListenAsync(
            start.Replace("keys/public.pem", $"\"{Jwt.Secret}\"", StringComparison.Ordinal).Replace('\'', '"'));
        using var running = program;
        using var application = ApplicationOf("ann");
        using var nginx = await Nginx.StartAsync(port, application);
        using var http = Page(nginx, "ann");
        await using var stream = await EventStream.OpenAsync(http, Private);
        Assert.That(await StatusAsync(http, "/events?channel=user/bob"), Is.EqualTo(403));
        Assert.That(await StatusAsync(http, "/events?channel=room/7", "some", ("Origin", Site.Origin)), Is.EqualTo(200));
        Assert.That(await StatusAsync(http, "/events?channel=user/bob", "some", ("Origin", Site.Origin)), Is.EqualTo(403));

        // A page of another site would need both to be wrong, nginx and the server.
        Assert.That(await StatusAsync(http, "/events?channel=room/7", "some", ("Origin", "https://other.example.com")), Is.EqualTo(403));
    }

    [Test]
    public async Task A_program_with_a_token_needs_no_session()
    {
        await using var server = Start();
        using var application = ApplicationOf();
        using var nginx = await Nginx.StartAsync(server.Port, application);
        using var http = nginx.Connect();
        Assert.That(await StatusAsync(http, Private, "some", Bearer(Jwt.For(publish: ["user/*"]))), Is.EqualTo(200));
        Assert.That(await StatusAsync(http, Private, "some", Bearer("forged")), Is.EqualTo(401));
        Assert.That(application.Questions, Is.Empty);
    }

    [TestCase("server")]
    [TestCase("application")]
    public async Task While_one_of_the_two_is_away_a_stream_gets_no_answer_and_others_502(string away)
    {
        await using var server = Start();
        using var application = ApplicationOf("ann");
        if (away == "application")
            application.Dispose();
        else
            await server.Server.StopAsync();

        using var nginx = await Nginx.StartAsync(server.Port, application);
        using var http = Page(nginx, "ann");
        Assert.That(async () => await StatusAsync(http, Private), Throws.InstanceOf<HttpRequestException>());
        Assert.That(await StatusAsync(http, Private, "some"), Is.EqualTo(502));
        Assert.That(await StatusAsync(http, "/channels/user/ann"), Is.EqualTo(502));
    }

    private static TestServer Start() => TestServer.Start(o => o with
    {
        TrustProxy = true,
        Cors = [Site.Origin],
        JwtKey = SignedTokens.Key(Jwt.Secret),
        Private = ["user/*"],
        PresenceLimit = 10,
    });

    private static Application ApplicationOf(params string[] users)
    {
        var application = new Application();
        foreach (var user in users)
            application.Sessions[user] = () => TokenOf(user);

        return application;
    }

    private static string TokenOf(string user) => Jwt.For(publish: ["room/*"], subscribe: [$"user/{user}"], user: user);

    private static (string, string) Bearer(string token) => ("Authorization", $"Bearer {token}");

    // What a browser sends for a page of the site.
    private static HttpClient Page(Nginx nginx, string session)
    {
        var http = nginx.Connect();
        http.DefaultRequestHeaders.Add("Cookie", $"session={session}");
        http.DefaultRequestHeaders.Add("Sec-Fetch-Site", "same-origin");
        return http;
    }

    private static async Task<int> StatusAsync(HttpClient http, string path, string? body = null, params (string Name, string Value)[] fields)
    {
        using var request = new HttpRequestMessage(body is null ? HttpMethod.Get : HttpMethod.Post, path);
        if (body is not null)
            request.Content = new StringContent(body, Encoding.UTF8, "text/plain");

        foreach (var (name, value) in fields)
            request.Headers.TryAddWithoutValidation(name, value);

        using var answer = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        return (int)answer.StatusCode;
    }
}
