using System.Net;
using System.Security.Cryptography;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>What is under <c>public/</c>: types, validators, policy, and edits that show at once.</summary>
public sealed class StaticPages
{
    [Test]
    public async Task The_page_is_at_the_root()
    {
        await using var server = TestServer.Start();
        await File.WriteAllTextAsync(Path.Combine(server.Pages, "index.html"), "<!DOCTYPE html><title>é</title>");
        using var answer = await GetAsync(server, "/?query=x");
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        Assert.That(await answer.Content.ReadAsStringAsync(), Is.EqualTo("<!DOCTYPE html><title>é</title>"));
        Assert.That(Field(answer, "Content-Type"), Is.EqualTo("text/html; charset=utf-8"));
        Assert.That(Field(answer, "Cache-Control"), Is.EqualTo("no-cache"));
    }

    [TestCase("a.html", "text/html; charset=utf-8")]
    [TestCase("A.HTML", "text/html; charset=utf-8")]
    [TestCase("a.css", "text/css; charset=utf-8")]
    [TestCase("a.js", "text/javascript; charset=utf-8")]
    [TestCase("a.mjs", "text/javascript; charset=utf-8")]
    [TestCase("a.min.js", "text/javascript; charset=utf-8")]
    [TestCase("a.txt", "text/plain; charset=utf-8")]
    [TestCase("a.json", "application/json")]
    [TestCase("a.svg", "image/svg+xml")]
    [TestCase("a.png", "image/png")]
    [TestCase("a.jpg", "image/jpeg")]
    [TestCase("a.ico", "image/vnd.microsoft.icon")]
    [TestCase("a.woff2", "font/woff2")]
    [TestCase("a.wasm", "application/wasm")]
    [TestCase("a.unknown", "application/octet-stream")]
    [TestCase("a", "application/octet-stream")]
    [TestCase("with space é+%.txt", "text/plain; charset=utf-8")]
    [TestCase("deep/er/a.css", "text/css; charset=utf-8")]
    public async Task A_file_has_the_type_of_its_extension_and_no_other(string name, string type)
    {
        await using var server = TestServer.Start();
        Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(server.Pages, name))!);
        await File.WriteAllTextAsync(Path.Combine(server.Pages, name), "content");
        using var answer = await GetAsync(server, "/" + string.Join('/', name.Split('/').Select(Uri.EscapeDataString)));
        Assert.That(await answer.Content.ReadAsStringAsync(), Is.EqualTo("content"));
        Assert.That(Field(answer, "Content-Type"), Is.EqualTo(type));
        Assert.That(Field(answer, "X-Content-Type-Options"), Is.EqualTo("nosniff"));
        Assert.That(Field(answer, "Content-Security-Policy"), Does.StartWith("default-src 'self'; script-src 'self'; style-src 'self'; "));
    }

    [TestCase("/", 200)]
    [TestCase("/empty.txt", 200)]
    [TestCase("/folder/", 200)]
    [TestCase("/nothing", 404)]
    public async Task HEAD_gets_the_head_that_GET_gets(string path, int status)
    {
        await using var server = TestServer.Start();
        await File.WriteAllTextAsync(Path.Combine(server.Pages, "empty.txt"), "");
        Directory.CreateDirectory(Path.Combine(server.Pages, "folder"));
        await File.WriteAllTextAsync(Path.Combine(server.Pages, "folder", "index.html"), "a folder has a page too");
        var get = await RawRequest.ExchangeAsync(server.Port, RawRequest.Head(server.Port, "GET " + path, "Connection: close"));
        var head = await RawRequest.ExchangeAsync(server.Port, RawRequest.Head(server.Port, "HEAD " + path, "Connection: close"));
        Assert.That(get, Does.StartWith($"HTTP/1.1 {status} "));
        Assert.That(WithoutDate(head), Is.EqualTo(WithoutDate(get[..(get.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4)])));
    }

    [TestCase("TAG")]
    [TestCase("W/TAG")]
    [TestCase("*")]
    [TestCase("\"other\", TAG")]
    [TestCase("\"other\",W/TAG,\"third\"")]
    public async Task A_copy_that_is_still_right_is_not_sent_again(string condition)
    {
        await using var server = TestServer.Start();
        using var first = await GetAsync(server, "/");
        var tag = Field(first, "ETag");
        Assert.That(tag, Does.Match("^\"[^\"]+\"$"));
        var again = await RawRequest.ExchangeAsync(
            server.Port,
            RawRequest.Head(server.Port, "GET /", "Connection: close", "If-None-Match: " + condition.Replace("TAG", tag, StringComparison.Ordinal)));
        Assert.That(again, Does.StartWith("HTTP/1.1 304 Not Modified\r\n").And.EndsWith("\r\n\r\n").And.Contains($"\r\nETag: {tag}\r\n"));
        Assert.That(again, Does.Contain("\r\nCache-Control: no-cache\r\n").And.Contains("\r\nContent-Security-Policy: "));
    }

    [TestCase("\"other\"")]
    [TestCase("")]
    [TestCase("TA")]
    public async Task A_copy_of_something_else_is_replaced(string condition)
    {
        await using var server = TestServer.Start();
        using var request = new HttpRequestMessage(HttpMethod.Get, "/");
        request.Headers.TryAddWithoutValidation("If-None-Match", condition);
        using var answer = await server.Http.SendAsync(request);
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.OK));
    }

    [TestCase("a longer text than before", 0)]
    [TestCase("another", 1)]
    public async Task An_edit_shows_on_the_next_request(string edit, int secondsLater)
    {
        await using var server = TestServer.Start();
        var file = Path.Combine(server.Pages, "a.txt");
        await File.WriteAllTextAsync(file, "at once");
        using var before = await GetAsync(server, "/a.txt");
        var written = File.GetLastWriteTimeUtc(file);
        await File.WriteAllTextAsync(file, edit);
        File.SetLastWriteTimeUtc(file, written.AddSeconds(secondsLater));

        using var request = new HttpRequestMessage(HttpMethod.Get, "/a.txt");
        request.Headers.TryAddWithoutValidation("If-None-Match", Field(before, "ETag"));
        using var after = await server.Http.SendAsync(request);
        Assert.That(await after.Content.ReadAsStringAsync(), Is.EqualTo(edit));
        Assert.That(Field(after, "ETag"), Is.Not.EqualTo(Field(before, "ETag")));
    }

    [TestCase("/nothing")]
    [TestCase("/index.html/")]
    [TestCase("/folder")]
    [TestCase("/folder/")]
    [TestCase("/Index.html")]
    [TestCase("/event")]
    [TestCase("/events/")]
    public async Task What_is_not_there_is_not_found(string path)
    {
        await using var server = TestServer.Start();
        Directory.CreateDirectory(Path.Combine(server.Pages, "folder"));
        using var answer = await GetAsync(server, path);
        await Problem.ExpectAsync(answer, 404, "There is nothing here. The page is at /, the events at /events.");
    }

    [TestCase("POST", "/", "GET, HEAD")]
    [TestCase("POST", "/index.html", "GET, HEAD")]
    [TestCase("DELETE", "/index.html", "GET, HEAD")]
    [TestCase("OPTIONS", "/index.html", "GET, HEAD")]
    [TestCase("PUT", "/events", "GET, HEAD, POST")]
    [TestCase("DELETE", "/events", "GET, HEAD, POST")]
    [TestCase("GET", "/generate", "POST")]
    [TestCase("PUT", "/generate", "POST")]
    public async Task A_method_that_there_is_not_is_told_those_there_are(string method, string path, string allow)
    {
        await using var server = TestServer.Start();
        using var request = new HttpRequestMessage(new HttpMethod(method), path) { Content = method is "POST" or "PUT" ? new ByteArrayContent([1]) : null };
        using var answer = await server.Http.SendAsync(request);
        await Problem.ExpectAsync(answer, 405, $"This resource answers to {allow}.");
        Assert.That(Field(answer, "Allow"), Is.EqualTo(allow));
    }

    [TestCase(64 * 1024)]
    [TestCase((64 * 1024) + 1)]
    [TestCase(5_000_000)]
    public async Task A_large_file_arrives_whole(int size)
    {
        await using var server = TestServer.Start();
        var content = RandomNumberGenerator.GetBytes(size);
        await File.WriteAllBytesAsync(Path.Combine(server.Pages, "large.bin"), content);
        var arrived = await server.Http.GetByteArrayAsync(new Uri("/large.bin", UriKind.Relative));
        Assert.That(arrived.AsSpan().SequenceEqual(content), Is.True);
    }

    [Test]
    public async Task A_connection_serves_several_requests()
    {
        await using var server = TestServer.Start();
        using var raw = new RawRequest(server.Port);
        foreach (var number in Enumerable.Range(1, 5))
        {
            await File.WriteAllTextAsync(Path.Combine(server.Pages, $"{number}.txt"), $"content {number}");
            await raw.SendAsync(RawRequest.Head(server.Port, $"GET /{number}.txt"));
            Assert.That(await raw.ReadUntilAsync($"content {number}"), Does.Not.Contain("Connection: close"));
            await raw.SendAsync(RawRequest.Head(server.Port, $"POST /events?id=n{number}", "Content-Type: text/plain", "Content-Length: 4") + "text");
            await raw.ReadUntilAsync($"{{\"id\":\"n{number}\"}}");
        }

        await raw.SendAsync(RawRequest.Head(server.Port, "GET /nothing", "Connection: close"));
        Assert.That(await raw.ReadToEndAsync(), Does.Contain("HTTP/1.1 404 ").And.EndsWith("\"}"));
    }

    private static Task<HttpResponseMessage> GetAsync(TestServer server, string path) => server.Http.GetAsync(new Uri(path, UriKind.Relative));

    private static string Field(HttpResponseMessage answer, string name) =>
        (answer.Headers.NonValidated.TryGetValues(name, out var values) || answer.Content.Headers.NonValidated.TryGetValues(name, out values))
            ? values.ToString()
            : "";

    private static string WithoutDate(string head) =>
        string.Join("\r\n", head.Split("\r\n").Where(line => !line.StartsWith("Date: ", StringComparison.Ordinal)));
}
