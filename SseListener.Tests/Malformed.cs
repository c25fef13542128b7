using System.Globalization;
using System.Text;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>Requests as no client should send them, on a bare socket: none disturbs those who listen.</summary>
public sealed class Malformed
{
    private static readonly string _long = new('a', 40_000);

    // RFC 9112, section 3.2, wants 400 for two Host fields as well. HttpListener keeps the last one and shows no trace of another.
    [TestCase(400, "GET / HTTP/1.1\r\n\r\n")]
    [TestCase(400, "GET / HTTP/1.1\r\nHost:\r\n\r\n")]
    [TestCase(400, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n")]
    [TestCase(400, "GET / HTTP/1.1\r\nHost: [\r\n\r\n")]
    [TestCase(421, "GET / HTTP/1.1\r\nHOST\r\nHost: evil.example\r\n\r\n")]
    public Task A_request_without_one_host_is_refused(int status, string request) => IsAnsweredAsync(status, request);

    [TestCase(400, "GE(T / HTTP/1.1\r\nHOST\r\n\r\n")]
    [TestCase(400, "GET\0 / HTTP/1.1\r\nHOST\r\n\r\n")]
    [TestCase(405, " / HTTP/1.1\r\nHOST\r\n\r\n")]
    [TestCase(405, "get / HTTP/1.1\r\nHOST\r\n\r\n")]
    [TestCase(405, "get /events HTTP/1.1\r\nHOST\r\n\r\n")]
    [TestCase(405, "FOO /events HTTP/1.1\r\nHOST\r\n\r\n")]
    [TestCase(405, "TRACE / HTTP/1.1\r\nHOST\r\n\r\n")]
    [TestCase(400, "OPTIONS * HTTP/1.1\r\nHOST\r\n\r\n")]
    [TestCase(400, "CONNECT evil.example:443 HTTP/1.1\r\nHOST\r\n\r\n")]
    [TestCase(400, "GET /\r\n\r\n")]
    [TestCase(400, "GET\r\n\r\n")]
    [TestCase(400, "GET / and more HTTP/1.1\r\nHOST\r\n\r\n")]
    [TestCase(400, "GET / HTTQ/1.1\r\nHOST\r\n\r\n")]
    [TestCase(400, "GET / HTTP/one\r\nHOST\r\n\r\n")]
    [TestCase(505, "GET / HTTP/2.0\r\nHOST\r\n\r\n")]
    [TestCase(505, "GET / HTTP/9.9\r\nHOST\r\n\r\n")]
    [TestCase(505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")]
    public Task A_request_line_of_another_kind_is_refused(int status, string request) => IsAnsweredAsync(status, request);

    [TestCase(400, "no colon")]
    [TestCase(400, ": no name")]
    [TestCase(400, "X: a\0b")]
    [TestCase(400, "X: a\u0001b")]
    [TestCase(400, "X: a\r\n folded")]
    [TestCase(200, "X: \xFF\xFE")]
    [TestCase(200, "Last-Event-ID: \xFF\xFE")]
    [TestCase(200, "Content-Length: 0")]
    [TestCase(200, "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13")]
    public Task A_field_of_another_kind_does_no_harm(int status, string field) =>
        IsAnsweredAsync(status, $"GET /events HTTP/1.1\r\nHOST\r\n{field}\r\n\r\n");

    [TestCase(404, "/\0")]
    [TestCase(404, "/events\0")]
    [TestCase(404, "/events%00")]
    [TestCase(404, "//events")]
    [TestCase(404, "/%2fevents")]
    [TestCase(404, "/events#fragment")]
    [TestCase(400, "/events?lastEventId=%FF")]
    [TestCase(400, "/%")]
    [TestCase(400, "events")]
    [TestCase(404, "?")]
    [TestCase(400, "ftp://")]
    [TestCase(421, "http://evil.example/events")]
    [TestCase(200, "/%65vents")]
    [TestCase(200, "/events?")]
    [TestCase(200, "http://127.0.0.1:PORT/events")]
    [TestCase(200, "HTTP://LOCALHOST:PORT/events?channel=default")]
    [TestCase(200, "http://127.0.0.1:PORT")]
    [TestCase(200, "http://127.0.0.1:PORT?x=y")]
    public Task A_target_is_read_strictly(int status, string target) => IsAnsweredAsync(status, $"GET {target} HTTP/1.1\r\nHOST\r\n\r\n");

    [TestCase("\r\n\r\nGET / HTTP/1.1\r\nHOST\r\n\r\n")]
    [TestCase("GET / HTTP/1.1\nHOST\n\n")]
    public Task A_request_that_is_a_little_off_is_answered_all_the_same(string request) => IsAnsweredAsync(200, request);

    [TestCase("\x16\x03\x01\x02\x00\x01\x00\x01\xFC\x03\x03TLS client hello\r\n\r\n")]
    [TestCase("\0\0\0\0\0\0\0\0\r\n\r\n")]
    [TestCase("\xFF\xFE\xFD\xFC\r\n\r\n\r\n\r\n")]
    [TestCase("*1\r\n$4\r\nPING\r\n\r\n")]
    public Task Bytes_that_are_no_request_are_refused(string bytes) => IsAnsweredAsync(400, bytes);

    [TestCase("")]
    [TestCase("G")]
    [TestCase("GET /events HTTP/1.1")]
    [TestCase("GET /events HTTP/1.1\r\nHOST\r\n")]
    [TestCase("POST /events HTTP/1.1\r\nHOST\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n")]
    [TestCase("\xFF\0\x01")]
    public async Task Half_a_head_gets_no_answer(string part)
    {
        await using var server = TestServer.Start();
        await using var subscriber = await server.SubscribeAsync();
        using var waits = new RawRequest(server.Port);
        await waits.SendAsync(Filled(server, part));
        using var ends = new RawRequest(server.Port);
        await ends.SendAsync(Filled(server, part));
        ends.EndSending();
        Assert.That(await ends.ReadToEndAsync(), Is.Empty);
        using var resets = new RawRequest(server.Port);
        await resets.SendAsync(Filled(server, part));
        resets.Reset();
        await server.ExpectNothingArrivedAsync(subscriber);
    }

    [TestCase("")]
    [TestCase("G")]
    [TestCase("LONG")]
    [TestCase("GET / HTTP/1.1\r\nHOST\r\n")]
    [TestCase("GET / HTTP/1.1\r\nHOST\r\n\r\n")]
    public async Task A_connection_without_a_request_is_closed(string part)
    {
        await using var server = TestServer.Start(options => options with { IdleTimeout = TimeSpan.FromSeconds(2) });
        await using var subscriber = await server.SubscribeAsync();
        using var raw = new RawRequest(server.Port);
        await raw.SendAsync(Filled(server, part).Replace("LONG", _long, StringComparison.Ordinal));
        var answer = await raw.ReadToEndAsync();
        Assert.That(answer, part.EndsWith("\r\n\r\n", StringComparison.Ordinal) ? Does.StartWith("HTTP/1.1 200 ") : Is.Empty);
        await server.ExpectNothingArrivedAsync(subscriber);
    }

    [TestCase("GET /LONG HTTP/1.1\r\nHOST\r\n\r\n", "431")]
    [TestCase("GET /?LONG HTTP/1.1\r\nHOST\r\n\r\n", "431")]
    [TestCase("GET / HTTP/1.1\r\nHOST\r\nX: LONG\r\n\r\n", "400")]
    [TestCase("GET / HTTP/1.1\r\nHOST\r\nLONG: x\r\n\r\n", "400")]
    [TestCase("GET / HTTP/1.1\r\nHOST\r\nX: LONG", "400")]
    [TestCase("LONG / HTTP/1.1\r\nHOST\r\n\r\n", "4..")]
    public Task A_head_that_is_far_too_large_is_refused(string request, string status) =>
        IsAnsweredAsync(status, request.Replace("LONG", _long, StringComparison.Ordinal));

    [TestCase(1000, 200)]
    [TestCase(1001, 431)]
    public async Task The_request_line_and_the_fields_may_have_max_header_bytes_and_no_more(int size, int status)
    {
        await using var server = TestServer.Start(options => options with { MaxHeader = 1000 });
        var target = "/?" + new string('x', 100);
        string[] fields = [$"Host: 127.0.0.1:{server.Port}", "Connection: close", "X: "];
        fields[^1] += new string('x', size - $"GET {target} HTTP/1.1\r\n".Length - fields.Sum(field => field.Length + 2));
        var answer = await RawRequest.ExchangeAsync(server.Port, $"GET {target} HTTP/1.1\r\n{string.Join("\r\n", fields)}\r\n\r\n");
        Assert.That(answer, Does.StartWith($"HTTP/1.1 {status} ").And.Contains(status == 200 ? "<title>" : "may have at most 1000 bytes"));
    }

    [TestCase(250, 200)]
    [TestCase(251, 400)]
    public async Task A_query_has_so_many_parameters_and_no_more(int count, int status)
    {
        await using var server = TestServer.Start();
        using var answer = await server.SendAsync("POST", "/events?" + string.Join('&', Enumerable.Repeat("_=1", count)));
        Assert.That((int)answer.StatusCode, Is.EqualTo(status));
        if (status == 400)
            await Problem.ExpectAsync(answer, 400, "at most 250 parameters");
    }

    [Test]
    public async Task Many_fields_are_refused()
    {
        await using var server = TestServer.Start();
        await using var subscriber = await server.SubscribeAsync();
        var fields = string.Concat(Enumerable.Range(0, 5000).Select(number => $"X-{number}: x\r\n"));
        using var raw = new RawRequest(server.Port);
        await raw.SendAsync($"GET / HTTP/1.1\r\nHost: 127.0.0.1:{server.Port}\r\n{fields}\r\n");
        Assert.That(await raw.ReadUntilAsync("\r\n\r\n"), Does.Match("^HTTP/1.1 4(00|31) "));
        await server.ExpectNothingArrivedAsync(subscriber);
    }

    [Test]
    public async Task Of_requests_that_are_sent_at_once_none_is_answered_wrongly()
    {
        await using var server = TestServer.Start();
        await using var subscriber = await server.SubscribeAsync();
        await File.WriteAllTextAsync(Path.Combine(server.Pages, "a.txt"), "content a");
        await File.WriteAllTextAsync(Path.Combine(server.Pages, "b.txt"), "content b");
        using var raw = new RawRequest(server.Port);
        await raw.SendAsync(RawRequest.Head(server.Port, "GET /a.txt") + RawRequest.Head(server.Port, "GET /b.txt", "Connection: close"));
        await raw.ReadUntilAsync("content a");
        raw.EndSending();
        const string Head = "HTTP/1\\.1 200 OK\r\n(?:[^\r\n]+\r\n)+\r\n";
        Assert.That(await raw.ReadToEndAsync(), Does.Match($"^{Head}content a({Head}content b)?$"));
        await server.ExpectNothingArrivedAsync(subscriber);
    }

    [Test]
    public async Task What_follows_a_body_is_no_part_of_it()
    {
        await using var server = TestServer.Start();
        await using var subscriber = await server.SubscribeAsync();
        using var raw = new RawRequest(server.Port);
        string[] fields = ["Content-Type: text/plain", "Content-Length: 3"];
        await raw.SendAsync(RawRequest.Head(server.Port, "POST /events", fields) + "one" + RawRequest.Head(server.Port, "POST /events", fields) + "two");
        Assert.That(await raw.ReadUntilAsync("\"}"), Does.StartWith("HTTP/1.1 200 "));
        raw.EndSending();
        await raw.ReadToEndAsync();
        await server.PublishAsync("""{"data":3}""");
        var arrived = await subscriber.NextDataAsync(2);
        Assert.That(arrived, Is.EqualTo((List<string>)["one", "3"]).Or.EqualTo((List<string>)["one", "two"]));
    }

    private static Task IsAnsweredAsync(int status, string request) => IsAnsweredAsync(status.ToString(CultureInfo.InvariantCulture), request);

    private static async Task IsAnsweredAsync(string status, string request)
    {
        await using var server = TestServer.Start(options => options with { PresenceLimit = 0 });
        await using var subscriber = await server.SubscribeAsync();
        using var raw = new RawRequest(server.Port);
        await raw.SendAsync(Filled(server, request));
        Assert.That(await raw.ReadUntilAsync("\r\n\r\n"), Does.Match($"^HTTP/1\\.1 {status} "));
        await server.ExpectNothingArrivedAsync(subscriber);
    }

    private static string Filled(TestServer server, string text) => new StringBuilder(text)
        .Replace("HOST\r", "Host: 127.0.0.1:PORT\r")
        .Replace("HOST\n", "Host: 127.0.0.1:PORT\n")
        .Replace("PORT", server.Port.ToString(CultureInfo.InvariantCulture))
        .ToString();
}
