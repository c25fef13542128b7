using System.Text;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>What is not an event gets an answer that says why, and reaches nobody.</summary>
public sealed class RefusedPublishes
{
    [TestCase("{}", "The member \"data\" is missing")]
    [TestCase("""{"type":"alert"}""", "The member \"data\" is missing")]
    [TestCase("""{"Data":1}""", "The member \"Data\" is unknown")]
    [TestCase("""{"data":1,"tpye":"alert"}""",
        "The member \"tpye\" is unknown; an event has type, data, text, id, retry, channel, channels. Did you mean \"type\"?")]
    [TestCase("""{"data":1,"chanel":"alerts"}""", "Did you mean \"channel\"?")]
    [TestCase("""{"data":1,"priority":1}""",
        "The member \"priority\" is unknown; an event has type, data, text, id, retry, channel, channels.")]
    [TestCase("""{"data":1,"data":1}""", "The member \"data\" occurs twice")]
    [TestCase("""{"data":1,"text":"a"}""", "An event has \"data\" or \"text\", not both")]
    [TestCase("""{"text":"a","data":1}""", "An event has \"data\" or \"text\", not both")]
    [TestCase("""{"text":1}""", "The member \"text\" must be a string")]
    [TestCase("""{"text":"\ud800"}""", "lone surrogate")]
    [TestCase("""{"data":1,"\u0064ata":2}""", "The member \"data\" occurs twice")]
    [TestCase("""{"id":null,"data":1,"id":"a"}""", "The member \"id\" occurs twice")]
    public Task Members_other_than_those_of_an_event_are_refused(string json, string detail) => RefusesAsync(json, detail);

    [TestCase("a\\nb", "The type must not contain a line break")]
    [TestCase("a\\rb", "The type must not contain a line break")]
    [TestCase("\\r\\ndata: forged", "The type must not contain a line break")]
    [TestCase("a\\n", "The type must not contain a line break")]
    [TestCase("\\ud800", "lone surrogate")]
    public Task A_type_that_could_forge_a_frame_is_refused(string type, string detail) =>
        RefusesAsync($$"""{"data":1,"type":"{{type}}"}""", detail);

    [TestCase("a\\nb", "The id must not contain a line break")]
    [TestCase("a\\rb", "The id must not contain a line break")]
    [TestCase("a\\u0000b", "The id must not contain a line break, NUL")]
    [TestCase("a\\u001f", "another control character")]
    [TestCase("a\\u007f", "another control character")]
    [TestCase("\\ta", "another control character")]
    [TestCase("", "The id must not be empty")]
    [TestCase(" a", "begin or end with white space")]
    [TestCase("a ", "begin or end with white space")]
    [TestCase("a\\u0085", "begin or end with white space")]
    [TestCase("\\u00e0", "last UTF-8 byte is 85 or A0")]
    [TestCase("earliest", "The id \"earliest\" is reserved")]
    [TestCase("\\udc00", "lone surrogate")]
    public Task An_id_that_would_not_come_back_in_a_header_is_refused(string id, string detail) =>
        RefusesAsync($$"""{"data":1,"id":"{{id}}"}""", detail);

    [TestCase("type", "x", 201)]
    [TestCase("type", "é", 101)]
    [TestCase("id", "x", 201)]
    [TestCase("id", "é", 101)]
    public Task A_type_or_an_id_of_more_than_200_bytes_is_refused(string member, string character, int count)
    {
        var name = string.Concat(Enumerable.Repeat(character, count));
        return RefusesAsync("application/json", "/events", Encoding.UTF8.GetBytes($$"""{"data":1,"{{member}}":"{{name}}"}"""), 400, "at most 200 bytes");
    }

    [TestCase("type", "1", "The member \"type\" must be a string")]
    [TestCase("type", "[\"a\"]", "The member \"type\" must be a string")]
    [TestCase("id", "7", "The member \"id\" must be a string")]
    [TestCase("id", "{}", "The member \"id\" must be a string")]
    [TestCase("retry", "-1", "retry is a whole number of milliseconds, 0 or more")]
    [TestCase("retry", "1.5", "The member \"retry\" must be a whole number of milliseconds")]
    [TestCase("retry", "\"3000\"", "The member \"retry\" must be a whole number of milliseconds")]
    [TestCase("retry", "2147483648", "The member \"retry\" must be a whole number of milliseconds")]
    [TestCase("retry", "true", "The member \"retry\" must be a whole number of milliseconds")]
    public Task A_member_of_the_wrong_kind_is_refused(string member, string value, string detail) =>
        RefusesAsync($$"""{"data":1,"{{member}}":{{value}}}""", detail);

    [TestCase("", "The body is empty; it must be a JSON object such as {")]
    [TestCase(" \r\n\t", "The body is empty; it must be a JSON object such as {")]
    [TestCase("{", "not JSON")]
    [TestCase("{\"data\":", "not JSON: line 1, byte 9")]
    [TestCase("{\"data\":{\"nested\":\"here\"}", "not JSON")]
    [TestCase("{\n\"data\":1,}", "not JSON: line 2")]
    [TestCase("{\"data\":1} x", "not JSON")]
    [TestCase("{\"data\":1}{\"data\":2}", "not JSON")]
    [TestCase("{\"data\":1}\0", "not JSON")]
    [TestCase("{\"data\":01}", "not JSON")]
    [TestCase("{\"data\":NaN}", "not JSON")]
    [TestCase("{\"data\":1/**/}", "not JSON")]
    [TestCase("{\"data\":\"a\nb\"}", "not JSON")]
    [TestCase("{'data':1}", "not JSON")]
    [TestCase("[{\"data\":1}]", "must be a JSON object")]
    [TestCase("\"data\"", "must be a JSON object")]
    [TestCase("null", "must be a JSON object")]
    public Task What_is_not_one_JSON_object_is_refused(string json, string detail) => RefusesAsync(json, detail);

    [Test]
    public Task JSON_that_is_nested_too_deeply_is_refused() =>
        RefusesAsync($$"""{"data":{{new string('[', 1000)}}{{new string(']', 1000)}}}""", "not JSON");

    [TestCase("\xFF")]
    [TestCase("\xC3")]
    [TestCase("\xC0\xAE")]
    [TestCase("\xED\xA0\x80")]
    [TestCase("\xF5\x80\x80\x80")]
    public async Task Invalid_UTF8_is_refused(string bytes)
    {
        await RefusesAsync($$"""{"data":"{{bytes}}"}""", "The body is not valid UTF-8");
        await RefusesAsync("text/plain", "/events", Encoding.Latin1.GetBytes($"a{bytes}b"), 400, "The data is not valid UTF-8");
    }

    [TestCase("""{"data":"\ud800"}""")]
    [TestCase("""{"data":"\udc00\ud800"}""")]
    [TestCase("""{"data":"\ud83dx"}""")]
    [TestCase("""{"data":{"\udfff":1}}""")]
    [TestCase("""{"data":1,"\ud800":1}""")]
    public Task A_lone_surrogate_is_refused(string json) => RefusesAsync(json, "lone surrogate, which is not Unicode text");

    [TestCase("type=a%0Ab", "The type must not contain a line break")]
    [TestCase("type=a%0D%0Adata:+forged", "The type must not contain a line break")]
    [TestCase("id=", "The id must not be empty")]
    [TestCase("id=%00", "NUL")]
    [TestCase("id=a+", "begin or end with white space")]
    [TestCase("id=earliest", "reserved")]
    [TestCase("retry=", "retry must be a whole number of milliseconds")]
    [TestCase("retry=-1", "retry must be a whole number of milliseconds")]
    [TestCase("retry=1.5", "retry must be a whole number of milliseconds")]
    [TestCase("retry=2147483648", "retry must be a whole number of milliseconds")]
    [TestCase("retry=soon", "retry must be a whole number of milliseconds")]
    [TestCase("type=%FF", "bytes are not UTF-8")]
    [TestCase("channel=a%20b", "A channel's name has 1 to 200 characters")]
    [TestCase("channel=", "A channel's name has 1 to 200 characters")]
    public Task A_query_that_does_not_fit_an_event_is_refused(string query, string detail) =>
        RefusesAsync("text/plain", "/events?" + query, "text"u8.ToArray(), 400, detail);

    [TestCase("type=%ZZ")]
    [TestCase("type=%E")]
    [TestCase("type=%")]
    [TestCase("type=%u00e9")]
    [TestCase("id=\xFF")]
    public async Task A_query_with_half_an_escape_is_refused(string query)
    {
        await using var server = TestServer.Start();
        await using var subscriber = await server.SubscribeAsync();
        using var raw = new RawRequest(server.Port);
        await raw.SendAsync(RawRequest.Head(server.Port, "POST /events?" + query, "Content-Type: text/plain", "Content-Length: 4", "Connection: close") + "text");
        Assert.That(
            await raw.ReadToEndAsync(),
            Does.StartWith("HTTP/1.1 400 ").And.EndsWith("\"detail\":\"The URL has an escape that is not %XX, or whose bytes are not UTF-8.\"}"));
        await server.ExpectNothingArrivedAsync(subscriber);
    }

    [TestCase("application/xml", "application/json, text/plain or application/x-ndjson")]
    [TestCase("text/html", "application/json, text/plain or application/x-ndjson")]
    [TestCase("application/x-www-form-urlencoded", "application/json, text/plain or application/x-ndjson, and is application/x-www-form-urlencoded.")]
    [TestCase("multipart/form-data; boundary=x", "application/json, text/plain or application/x-ndjson")]
    [TestCase("nonsense", "application/json, text/plain or application/x-ndjson")]
    [TestCase("application/json; charset=iso-8859-1", "The charset must be utf-8")]
    [TestCase("text/plain; charset=utf-16", "The charset must be utf-8")]
    public Task A_type_or_charset_of_another_kind_is_refused(string type, string detail) =>
        RefusesAsync(type, "/events", """{"data":1}"""u8.ToArray(), 415, detail);

    [TestCase("gzip")]
    [TestCase("br")]
    [TestCase("identity, gzip")]
    [TestCase("unheard-of")]
    public async Task A_compressed_body_is_refused(string coding)
    {
        await using var server = TestServer.Start();
        await using var subscriber = await server.SubscribeAsync();
        foreach (var path in (string[])["/events", "/generate"])
        {
            using var answer = await PostEncodedAsync(server, path, coding);
            await Problem.ExpectAsync(answer, 415, "The body must not be compressed: send it without a Content-Encoding.");
        }

        using var plain = await PostEncodedAsync(server, "/events", "Identity");
        plain.EnsureSuccessStatusCode();
        Assert.That((await subscriber.NextAsync()).Data, Is.EqualTo("text"));
    }

    [Test]
    public async Task A_body_without_a_type_is_refused()
    {
        await using var server = TestServer.Start();
        using var content = new ByteArrayContent("""{"data":1}"""u8.ToArray());
        using var answer = await server.Http.PostAsync(new Uri("/events", UriKind.Relative), content);
        await Problem.ExpectAsync(answer, 415, "The Content-Type must be application/json, text/plain or application/x-ndjson, and is missing.");
    }

    private static async Task<HttpResponseMessage> PostEncodedAsync(TestServer server, string path, string coding)
    {
        using var content = new StringContent("text");
        content.Headers.TryAddWithoutValidation("Content-Encoding", coding);
        return await server.Http.PostAsync(new Uri(path, UriKind.Relative), content);
    }

    // A character of the JSON is a byte of the body.
    private static Task RefusesAsync(string json, string detail) =>
        RefusesAsync("application/json", "/events", Encoding.Latin1.GetBytes(json), 400, detail);

    private static async Task RefusesAsync(string type, string path, byte[] body, int status, string detail)
    {
        await using var server = TestServer.Start();
        await using var subscriber = await server.SubscribeAsync();
        using var answer = await server.PostAsync(path, type, body);
        await Problem.ExpectAsync(answer, status, detail);
        await server.ExpectNothingArrivedAsync(subscriber);
    }
}
