using System.Globalization;
using System.Net;
using System.Text;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>A page of another site must not publish to a server on its visitor's own machine.</summary>
public sealed class CrossSiteRequests
{
    [TestCase("127.0.0.1", null, null)]
    [TestCase("127.0.0.1", "http://127.0.0.1:PORT", null)]
    [TestCase("127.0.0.1", "http://127.0.0.1:PORT", "same-origin")]
    [TestCase("127.0.0.1", null, "same-origin")]
    [TestCase("127.0.0.1", null, "none")]
    [TestCase("localhost", "http://localhost:PORT", null)]
    [TestCase("localhost", "http://localhost:PORT", "same-origin")]
    [TestCase("LOCALHOST", "http://localhost:PORT", "same-origin")]
    [TestCase("localhost", "https://localhost:PORT", "same-origin")]
    public async Task Its_own_pages_and_programs_publish(string host, string? origin, string? site)
    {
        await using var server = TestServer.Start();
        await using var subscriber = await server.SubscribeAsync();
        using var answer = await PublishAsync(server, "/events", host, origin, site);
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        Assert.That((await subscriber.NextAsync()).Data, Is.EqualTo("forged"));
    }

    [TestCase("127.0.0.1", "http://evil.example", null)]
    [TestCase("127.0.0.1", "http://evil.example", "same-origin")]
    [TestCase("127.0.0.1", "http://evil.example:PORT", null)]
    [TestCase("127.0.0.1", "http://127.0.0.1", null)]
    [TestCase("127.0.0.1", "http://127.0.0.1:1", null)]
    [TestCase("127.0.0.1", "http://127.0.0.1:PORT0", null)]
    [TestCase("127.0.0.1", "http://127.0.0.1:PORT.evil.example", null)]
    [TestCase("127.0.0.1", "http://127.0.0.1:PORT@evil.example", null)]
    [TestCase("127.0.0.1", "http://evil.example/http://127.0.0.1:PORT", null)]
    [TestCase("127.0.0.1", "http://localhost:PORT", null)]
    [TestCase("localhost", "http://127.0.0.1:PORT", null)]
    [TestCase("127.0.0.1", "ftp://127.0.0.1:PORT", null)]
    [TestCase("127.0.0.1", "null", null)]
    [TestCase("127.0.0.1", "", null)]
    [TestCase("127.0.0.1", "file://", null)]
    [TestCase("127.0.0.1", "chrome-extension://abc", null)]
    public async Task Another_origin_is_refused(string host, string origin, string? site)
    {
        await using var server = TestServer.Start();
        await using var subscriber = await server.SubscribeAsync();
        using var answer = await PublishAsync(server, "/events", host, origin, site);
        await Problem.ExpectAsync(answer, 403, $"The origin {Filled(server, origin)} may not do this: it is not this server.");
        await server.ExpectNothingArrivedAsync(subscriber);
    }

    [TestCase("/events", null, "cross-site")]
    [TestCase("/generate", null, "cross-site")]
    [TestCase("/events", "http://127.0.0.1:PORT", "cross-site")]
    [TestCase("/events", null, "same-site")]
    [TestCase("/events", "http://127.0.0.1:PORT", "same-site")]
    [TestCase("/events", null, "same-origin, cross-site")]
    [TestCase("/events", null, "something-new")]
    public async Task Another_site_is_refused(string path, string? origin, string site)
    {
        await using var server = TestServer.Start();
        await using var subscriber = await server.SubscribeAsync();
        using var answer = await PublishAsync(server, path, "127.0.0.1", origin, site);
        await Problem.ExpectAsync(answer, 403, $"A page of another site may not do this (Sec-Fetch-Site: {site}).");
        await server.ExpectNothingArrivedAsync(subscriber);
    }

    [Test]
    public async Task A_form_of_another_site_is_refused_whatever_its_encoding()
    {
        await using var server = TestServer.Start();
        await using var subscriber = await server.SubscribeAsync();
        foreach (var type in (string[])["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/events") { Content = new StringContent("data=forged", Encoding.UTF8) };
            request.Content.Headers.ContentType = System.Net.Http.Headers.MediaTypeHeaderValue.Parse(type);
            request.Headers.Add("Origin", "http://evil.example");
            using var answer = await server.Http.SendAsync(request);
            await Problem.ExpectAsync(answer, 403, "http://evil.example");
        }

        await server.ExpectNothingArrivedAsync(subscriber);
    }

    [Test]
    public async Task No_answer_lets_another_origin_read_it()
    {
        await using var server = TestServer.Start();
        foreach (var path in (string[])["/", "/events", "/nothing"])
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, path);
            request.Headers.Add("Origin", "http://evil.example");
            using var answer = await server.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
            Assert.That(answer.Headers.Select(header => header.Key), Has.None.StartsWith("Access-Control-"), path);
        }
    }

    [TestCase("evil.example:PORT")]
    [TestCase("evil.example")]
    [TestCase("127.0.0.1.evil.example:PORT")]
    [TestCase("localhost.evil.example:PORT")]
    [TestCase("127.0.0.2:PORT")]
    [TestCase("0.0.0.0:PORT")]
    public async Task A_name_that_was_pointed_at_this_machine_finds_nothing(string host)
    {
        await using var server = TestServer.Start();
        await using var subscriber = await server.SubscribeAsync();
        foreach (var target in (string[])["GET /", "GET /events", "POST /events?type=alert"])
        {
            var answer = await RawRequest.ExchangeAsync(
                server.Port,
                $"{target} HTTP/1.1\r\nHost: {Filled(server, host)}\r\nOrigin: http://{Filled(server, host)}\r\nSec-Fetch-Site: same-origin\r\n"
                + "Connection: close\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nforged");
            Assert.That(answer, Does.StartWith("HTTP/1.1 421 ").And.Not.Contains("text/event-stream"));
        }

        await server.ExpectNothingArrivedAsync(subscriber);
    }

    // A proxy sends other people's requests on the same connection, and takes what comes next for the answer to its next one.
    [Test]
    public async Task A_request_for_another_name_has_one_answer_and_the_next_one_its_own()
    {
        await using var server = TestServer.Start();
        using var proxy = new RawRequest(server.Port);
        await proxy.SendAsync("GET /status HTTP/1.1\r\nHost: evil.example\r\n\r\n");
        await proxy.ReadUntilAsync("see --host.\"}");
        await proxy.SendAsync(RawRequest.Head(server.Port, "GET /nothing", "Connection: close"));
        var answers = await proxy.ReadToEndAsync();
        Assert.That(answers, Does.StartWith("HTTP/1.1 421 ").And.Contains("HTTP/1.1 404 "));
        Assert.That(answers.Split("HTTP/1.1 "), Has.Length.EqualTo(3));

        // What is behind a body that is not read belongs to nobody: the connection ends.
        var publish = "POST /events HTTP/1.1\r\nHost: evil.example\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\ntext";
        Assert.That((await RawRequest.ExchangeAsync(server.Port, publish)).Split("HTTP/1.1 "), Has.Length.EqualTo(2));
    }

    private static async Task<HttpResponseMessage> PublishAsync(TestServer server, string path, string host, string? origin, string? site)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new StringContent("forged", Encoding.UTF8, "text/plain") };
        request.Headers.Host = $"{host}:{server.Port}";
        if (origin is not null)
            request.Headers.TryAddWithoutValidation("Origin", Filled(server, origin));

        if (site is not null)
            request.Headers.TryAddWithoutValidation("Sec-Fetch-Site", site);

        return await server.Http.SendAsync(request);
    }

    private static string Filled(TestServer server, string text) =>
        text.Replace("PORT", server.Port.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal);
}
