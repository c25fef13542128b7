using System.Net;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>Bodies that are large, slow, cut off, or sent in unusual ways, on bare sockets.</summary>
public sealed class RequestBodies
{
    private const string Json = "Content-Type: application/json";
    private const string Text = "Content-Type: text/plain";
    private const string Chunked = "Transfer-Encoding: chunked";

    [Test]
    public async Task HTTP_1_0_is_told_nothing_before_its_answer()
    {
        await using var server = TestServer.Start();
        using var raw = new RawRequest(server.Port);
        var head = RawRequest.Head(server.Port, "POST /events", "Content-Type: text/plain", "Content-Length: 1", "Expect: 100-continue");
        await raw.SendAsync(head.Replace("HTTP/1.1", "HTTP/1.0", StringComparison.Ordinal) + "x");
        Assert.That(await raw.ReadToEndAsync(), Does.Match("^HTTP/1.[01] 200 ").And.Not.Contain(" 100 "));
    }

    // The 100 Continue is an answer of HttpListener's own, as those are after which nothing more is read.
    [Test]
    public async Task A_body_that_waits_for_100_may_come_late_and_in_pieces()
    {
        await using var server = TestServer.Start();
        using var raw = new RawRequest(server.Port);
        await raw.SendAsync(RawRequest.Head(server.Port, "POST /events", "Content-Type: text/plain", "Content-Length: 3", "Expect: 100-continue"));
        await raw.ReadUntilAsync("HTTP/1.1 100");
        foreach (var piece in "abc")
        {
            await Task.Delay(TimeSpan.FromMilliseconds(200));
            await raw.SendAsync(piece.ToString());
        }

        await raw.ReadUntilAsync("HTTP/1.1 200");
    }

    [TestCase("text/plain", "", "")]
    [TestCase("application/json", "{\"data\":\"", "\"}")]
    [TestCase("application/x-ndjson", "{\"data\":\"", "\"}\n")]
    public async Task A_body_may_have_max_body_bytes_and_no_more(string type, string before, string after)
    {
        await using var server = TestServer.Start(options => options with { MaxBody = 100 });
        await using var subscriber = await server.SubscribeAsync();
        var body = before + new string('x', 100 - before.Length - after.Length) + after;
        using var fits = await server.PostAsync("/events", type, body);
        Assert.That(fits.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        await subscriber.NextAsync();
        using var tooLarge = await server.PostAsync("/events", type, body.Replace("xx", "xxx", StringComparison.Ordinal)[..101]);
        await Problem.ExpectAsync(tooLarge, 413, "The body may have at most 100 bytes (--max-body).");
        await server.ExpectNothingArrivedAsync(subscriber);
    }

    [TestCase(20_000)]
    [TestCase(1024 * 1024)]
    public async Task A_body_of_many_buffers_arrives_whole(int size)
    {
        await using var server = TestServer.Start();
        await using var subscriber = await server.SubscribeAsync();
        var text = string.Concat(Enumerable.Range(0, size).Select(number => (char)('a' + (number * 7 % 26))));
        using var answer = await server.PostAsync("/events", "text/plain", text);
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        Assert.That((await subscriber.NextAsync()).Data, Is.EqualTo(text));
    }

    [Test]
    public async Task A_chunked_body_has_the_same_limit()
    {
        await using var server = TestServer.Start(options => options with { MaxBody = 100 });
        await using var subscriber = await server.SubscribeAsync();
        using var raw = new RawRequest(server.Port);
        await raw.SendAsync(RawRequest.Head(server.Port, "POST /events", Json, Chunked) + $"65\r\n{{\"data\":\"{new string('x', 90)}\"}}\r\n0\r\n\r\n");
        Assert.That(await raw.ReadToEndAsync(), Does.StartWith("HTTP/1.1 413 ").And.Contains("at most 100 bytes"));
        await server.ExpectNothingArrivedAsync(subscriber);
    }

    [Test]
    public async Task What_counts_against_the_limit_is_what_arrives()
    {
        await using var server = TestServer.Start(options => options with { MaxBody = 100, BodyTimeout = TimeSpan.FromSeconds(2) });
        await using var subscriber = await server.SubscribeAsync();
        using var claims = new RawRequest(server.Port);
        await claims.SendAsync(RawRequest.Head(server.Port, "POST /events", Text, "Content-Length: 1000000") + "a little");
        Assert.That(await claims.ReadUntilAsync("\r\n\r\n"), Does.StartWith("HTTP/1.1 408 "));
        using var sends = new RawRequest(server.Port);
        await sends.SendAsync(RawRequest.Head(server.Port, "POST /events", Text, "Content-Length: 1000000") + new string('x', 101));
        Assert.That(await sends.ReadUntilAsync("\r\n\r\n"), Does.StartWith("HTTP/1.1 413 "));
        await server.ExpectNothingArrivedAsync(subscriber);
    }

    [Test]
    public async Task A_client_that_goes_on_sending_still_reads_why_it_was_refused()
    {
        await using var server = TestServer.Start(options => options with { MaxBody = 100 });
        using var answer = await server.PostAsync("/events", "text/plain", new string('x', 3_000_000));
        await Problem.ExpectAsync(answer, 413, "The body may have at most 100 bytes (--max-body).");
    }

    [Test]
    public async Task A_body_that_trickles_is_given_up()
    {
        await using var server = TestServer.Start(options => options with { BodyTimeout = TimeSpan.FromMilliseconds(300) });
        await using var subscriber = await server.SubscribeAsync();
        using var raw = new RawRequest(server.Port);
        await raw.SendAsync(RawRequest.Head(server.Port, "POST /events", Text, "Content-Length: 1000000"));
        var answer = raw.ReadUntilAsync("0.3 s (--body-timeout).\"}");
        while (!answer.IsCompleted)
        {
            // The pace of the trickle: each byte comes long before a deadline for one read would pass.
            await Task.Delay(20);
            await raw.SendAsync("x");
        }

        Assert.That(await answer, Does.StartWith("HTTP/1.1 408 Request Timeout\r\n").And.Contains("application/problem+json"));
        await server.ExpectNothingArrivedAsync(subscriber);
    }

    [TestCase("5\r\n{\"dat\r\n5\r\na\":1}\r\n0\r\n\r\n")]
    [TestCase("A;extension=x\r\n{\"data\":1}\r\n000\r\n\r\n")]
    [TestCase("a\r\n{\"data\":1}\r\n0\r\nTrailer: x\r\n\r\n")]
    public async Task Chunked_JSON_is_accepted(string chunks)
    {
        await using var server = TestServer.Start();
        await using var subscriber = await server.SubscribeAsync();
        using var raw = new RawRequest(server.Port);
        await raw.SendAsync(RawRequest.Head(server.Port, "POST /events", Json, Chunked) + chunks);
        Assert.That(await raw.ReadUntilAsync("\"}"), Does.StartWith("HTTP/1.1 200 "));
        Assert.That((await subscriber.NextAsync()).Data, Is.EqualTo("1"));
    }

    [TestCase(400, "a\r\n{\"data\":1}\r\n0\r\n\r\n", Json, Chunked, "Content-Length: 20")]
    [TestCase(400, "a\r\n{\"data\":1}\r\n0\r\n\r\n", Json, "Content-Length: 10", Chunked)]
    [TestCase(400, "a\r\n{\"data\":1}\r\n0\r\n\r\n", Json, "Content-Length: 10", "Transfer-Encoding : chunked")]
    [TestCase(400, "z\r\n{\"data\":1}\r\n0\r\n\r\n", Json, Chunked)]
    [TestCase(400, "-a\r\n{\"data\":1}\r\n0\r\n\r\n", Json, Chunked)]
    [TestCase(411, "", Text)]
    [TestCase(411, "one", Text)]
    [TestCase(411, "{\"data\":1}", Json)]
    [TestCase(501, "one", Text, "Transfer-Encoding: gzip")]
    [TestCase(501, "one", Text, "Transfer-Encoding: gzip", "Content-Length: 3")]
    [TestCase(501, "3\r\none\r\n0\r\n\r\n", Text, "Transfer-Encoding: gzip, chunked")]
    [TestCase(501, "a\r\n{\"data\":1}\r\n0\r\n\r\n", Json, Chunked, "Transfer-Encoding: gzip")]
    [TestCase(400, "one", Text, "Content-Length: -3")]
    [TestCase(400, "one", Text, "Content-Length: three")]
    [TestCase(400, "one", Text, "Content-Length: 99999999999999999999")]
    [TestCase(400, "one", Text, "Content-Length: 2", "Content-Length: 3")]
    public async Task A_body_whose_length_is_unclear_is_refused(int status, string body, params string[] fields)
    {
        await using var server = TestServer.Start();
        await using var subscriber = await server.SubscribeAsync();

        // What follows could be read as a body by a proxy and as a request by us.
        var smuggled = RawRequest.Head(server.Port, "POST /events", Text, "Content-Length: 8") + "smuggled";
        foreach (var more in (string[])["", smuggled])
        {
            var answer = await RawRequest.ExchangeAsync(server.Port, RawRequest.Head(server.Port, "POST /events", fields) + body + more);
            Assert.That(answer, Does.StartWith($"HTTP/1.1 {status} "));
            await server.ExpectNothingArrivedAsync(subscriber);
        }
    }

    // RFC 9112, section 6.1: the framing is faulty, whatever else it says, and the connection must be closed.
    [TestCase("POST /events", "hello", 400)]
    [TestCase("POST /events?end=1", "", 200)]
    [TestCase("GET /healthz", "", 200)]
    public async Task Chunks_which_HTTP_1_0_does_not_know_end_the_connection(string request, string body, int status)
    {
        await using var server = TestServer.Start();
        var head = RawRequest.Head(server.Port, request, Text, Chunked, $"Content-Length: {body.Length}", "Connection: keep-alive");
        var answer = await RawRequest.ExchangeAsync(server.Port, head.Replace("HTTP/1.1", "HTTP/1.0", StringComparison.Ordinal) + body);
        Assert.That(answer, Does.Match($"^HTTP/1.[01] {status} ").And.Contain("\r\nConnection: close\r\n"));
    }

    [TestCase(Text, "Content-Length: 10", "half")]
    [TestCase(Text, "Content-Length: 10", "")]
    [TestCase(Json, "Content-Length: 11", "{\"data\":1}")]
    [TestCase("Content-Type: application/x-ndjson", "Content-Length: 22", "{\"data\":1}\n")]
    [TestCase(Json, Chunked, "a\r\n{\"dat")]
    [TestCase(Json, Chunked, "5\r\n{\"dat\r\n")]
    [TestCase(Json, Chunked, "5\r\n{\"dat\r\n0\r\n\r\n")]
    [TestCase(Json, Chunked, "")]
    [TestCase(Json, Chunked, "a\r\n{\"data\":1}\r\n")]
    [TestCase(Json, Chunked, "a\r\n{\"data\":1}\r\n0\r\n")]
    [TestCase(Text, Chunked, "4\r\nhalf\r\n")]
    [TestCase(Text, Chunked, "4\r\nha")]
    [TestCase("Content-Type: application/x-ndjson", Chunked, "b\r\n{\"data\":1}\n\r\n")]
    public async Task A_body_that_is_cut_off_publishes_nothing(string type, string length, string part)
    {
        await using var server = TestServer.Start();
        await using var subscriber = await server.SubscribeAsync();
        using var raw = new RawRequest(server.Port);
        await raw.SendAsync(RawRequest.Head(server.Port, "POST /events", type, length, "Connection: close") + part);
        await Wait.UntilAsync(() => server.Logged.Contains("Connection: close", StringComparison.Ordinal), "the request has not arrived");
        raw.EndSending();
        Assert.That(await raw.ReadToEndAsync(), Does.Not.StartWith("HTTP/1.1 200"));
        await server.ExpectNothingArrivedAsync(subscriber);
    }

    [Test]
    public async Task A_client_that_resets_in_the_middle_of_its_body_publishes_nothing()
    {
        await using var server = TestServer.Start();
        await using var subscriber = await server.SubscribeAsync();
        using var raw = new RawRequest(server.Port);
        await raw.SendAsync(RawRequest.Head(server.Port, "POST /events", Text, "Content-Length: 10") + "half");
        await Wait.UntilAsync(() => server.Logged.Contains("POST /events", StringComparison.Ordinal), "the request did not arrive");
        raw.Reset();
        await server.ExpectNothingArrivedAsync(subscriber);
    }

    [Test]
    public async Task A_client_that_asks_before_it_sends_is_told_to_go_on()
    {
        await using var server = TestServer.Start();
        await using var subscriber = await server.SubscribeAsync();
        using var raw = new RawRequest(server.Port);
        await raw.SendAsync(RawRequest.Head(server.Port, "POST /events", Text, "Expect: 100-continue", "Content-Length: 3"));
        Assert.That(await raw.ReadUntilAsync("\r\n\r\n"), Is.EqualTo("HTTP/1.1 100 Continue\r\n\r\n"));
        await raw.SendAsync("one");
        await raw.ReadUntilAsync("HTTP/1.1 200 OK");
        Assert.That((await subscriber.NextAsync()).Data, Is.EqualTo("one"));
    }
}
