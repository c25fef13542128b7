using System.Net;
using System.Net.Http.Headers;
using System.Text;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>Bodies that come in chunks (RFC 9112, section 7.1), of which HttpListener alone dies when they yield nothing for long.</summary>
public sealed class ChunkedBodies
{
    private const string Token = "secret";
    private static readonly string _json = $$"""{"data":"{{new string('x', 200_000)}}"}""";
    private static readonly string _inOneByteChunks = string.Concat(_json.Select(character => $"1\r\n{character}\r\n")) + "0\r\n\r\n";
    private static readonly string _trailers = string.Concat(Enumerable.Repeat("A: b\r\n", 40_000));

    [TestCase("", "")]
    [TestCase("--sync always", "")]
    [TestCase("--publish-token " + Token, "")]
    [TestCase("--publish-token " + Token, "Authorization: Bearer " + Token)]
    public async Task None_that_yields_nothing_for_long_ends_the_process(string arguments, string field)
    {
        using var folder = new TempFolder();
        var (program, port) = await BuiltProgram.ListenAsync($"{arguments} --data {folder.Path} --body-timeout 1m");
        using var running = program;
        string[] fields = ["Content-Type: application/json", "Transfer-Encoding: chunked", .. field.Length > 0 ? [field] : Array.Empty<string>()];
        var isOpen = field.Length > 0 || !arguments.Contains("token", StringComparison.Ordinal);
        var endless = string.Concat(Enumerable.Repeat(_trailers, 10));
        foreach (var (body, status) in new[] { (_inOneByteChunks, 200), ($"0\r\n{_trailers}\r\n", 400), ($"0\r\n{endless}", 413) })
        {
            using var raw = new RawRequest(port);
            await raw.SendAsync(RawRequest.Head(port, "POST /events", fields) + body);
            await raw.ReadUntilAsync($"HTTP/1.1 {(isOpen ? status : 401)} ");
        }

        Assert.That(program.HasEnded, Is.False, program.Errors);
    }

    [Test]
    public async Task One_that_stops_in_its_trailers_is_waited_for_no_longer_than_for_any()
    {
        await using var server = TestServer.Start(o => o with { BodyTimeout = TimeSpan.FromSeconds(1) });
        using var raw = new RawRequest(server.Port);
        await raw.SendAsync(RawRequest.Head(server.Port, "POST /events", "Content-Type: application/json", "Transfer-Encoding: chunked") + "0\r\n" + _trailers);
        await raw.ReadUntilAsync("HTTP/1.1 408 ");
    }

    // Of more bytes than the connection holds: a client that was reset could not send them.
    [Test]
    public async Task One_that_is_refused_unread_may_be_sent_to_its_end()
    {
        await using var server = TestServer.Start(o => o with { PublishToken = Token, MaxBody = 5_000_000 });
        using var raw = new RawRequest(server.Port);
        var chunks = string.Concat(Enumerable.Repeat($"2710\r\n{new string('x', 10_000)}\r\n", 500));
        await raw.SendAsync(RawRequest.Head(server.Port, "POST /events", "Content-Type: text/plain", "Transfer-Encoding: chunked") + chunks + "0\r\n\r\n");
        Assert.That(await raw.ReadToEndAsync(), Does.StartWith("HTTP/1.1 401 ").And.EndsWith("nowhere else.\"}"));
        Assert.That(raw.IsReset, Is.False);
    }

    [TestCase("text/plain", "one two")]
    [TestCase("application/x-ndjson", "{\"data\":\"one two\"}\n")]
    [TestCase("application/json", "{\"data\":\"one two\"}")]
    public async Task All_types_may_come_in_chunks(string type, string body)
    {
        await using var server = TestServer.Start();
        await using var subscriber = await server.SubscribeAsync();
        for (var i = 0; i < 3; i++)
        {
            // Without a length, and on one connection.
            using var content = new StreamContent(new MemoryStream(Encoding.UTF8.GetBytes(body)));
            content.Headers.ContentType = new MediaTypeHeaderValue(type);
            using var request = new HttpRequestMessage(HttpMethod.Post, "/events") { Content = content };
            request.Headers.TransferEncodingChunked = true;
            using var answer = await server.Http.SendAsync(request);
            Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.OK), await answer.Content.ReadAsStringAsync());
            Assert.That((await subscriber.NextAsync()).Data.Trim('"'), Is.EqualTo("one two"));
        }
    }

    [Test]
    public async Task Where_they_cannot_be_read_safely_a_length_is_needed()
    {
        await using var server = TestServer.Start(o => o with { UsesPrivateNames = false });
        var answer = await RawRequest.ExchangeAsync(
            server.Port,
            RawRequest.Head(server.Port, "POST /events", "Content-Type: application/json", "Transfer-Encoding: chunked") + "a\r\n{\"data\":1}\r\n0\r\n\r\n");
        Assert.That(answer, Does.StartWith("HTTP/1.1 411 ").And.Contain("send a Content-Length"));
    }
}
