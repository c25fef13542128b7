using System.Net;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>The pages within the program, which it serves where there is no folder of them.</summary>
public sealed class BuiltInPages
{
    [Test]
    public async Task Where_there_is_no_folder_the_program_serves_its_own()
    {
        using var nowhere = new TempFolder();
        var (program, port) = await BuiltProgram.ListenAsync("", line => BuiltProgram.Start(line, nowhere.Path));
        using var running = program;
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}"), Timeout = Wait.Limit };
        using var page = await http.GetAsync(new Uri("/", UriKind.Relative));
        var file = await File.ReadAllBytesAsync(Path.Combine(Document.Repository, "public", "index.html"));
        Assert.That(await page.Content.ReadAsByteArrayAsync(), Is.EqualTo(file));
        Assert.That(page.Content.Headers.ContentType?.ToString(), Is.EqualTo("text/html; charset=utf-8"));
        Assert.That(page.Headers.GetValues("Content-Security-Policy").Single(), Does.Contain("script-src 'self'"));
        http.DefaultRequestHeaders.IfNoneMatch.Add(page.Headers.ETag!);
        Assert.That(await StatusAsync(http, "/index.html"), Is.EqualTo(HttpStatusCode.NotModified));
    }

    [TestCase("/public/index.html")]
    [TestCase("/index.html/")]
    [TestCase("/INDEX.HTML")]
    [TestCase("/other.html")]
    [TestCase("/folder/")]
    public async Task Nothing_else_is_there(string path)
    {
        await using var server = TestServer.StartWithPages();
        Assert.That(await StatusAsync(server.Http, "/index.html"), Is.EqualTo(HttpStatusCode.OK));
        Assert.That(await StatusAsync(server.Http, path), Is.EqualTo(HttpStatusCode.NotFound));
    }

    private static async Task<HttpStatusCode> StatusAsync(HttpClient http, string path)
    {
        using var answer = await http.GetAsync(new Uri(path, UriKind.Relative));
        return answer.StatusCode;
    }
}
