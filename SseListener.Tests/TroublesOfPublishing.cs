using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>What publishers are refused, and events that arrive twice.</summary>
public sealed class TroublesOfPublishing : Troubles
{
    private const string App = "https://app.example.com";
    private const string Json = "application/json";

    [Test]
    public async Task Publishing_to_a_server_on_all_addresses_is_refused_with_403()
    {
        await using var server = TestServer.Start(o => o with { Host = "+" });
        using var refused = await server.SendAsync("POST", "/events");
        await SeesAsync(refused, 403);

        await using var cured = TestServer.Start(o => o with { Host = "+", PublishToken = "t" });
        await ExpectPublishedAsync(cured, ("Authorization", "Bearer t"));
    }

    [Test]
    public async Task Publishing_from_a_page_of_another_site_is_refused_with_403()
    {
        await using var server = TestServer.Start();
        using var refused = await server.SendAsync("POST", "/events", ("Origin", App), ("Sec-Fetch-Site", "cross-site"));
        await SeesAsync(refused, 403);
        using var older = await server.SendAsync("POST", "/events", ("Origin", App));
        await SeesAsync(older, 403);

        await using var cured = TestServer.Start(o => o with { Cors = [App] });
        await ExpectPublishedAsync(cured, ("Origin", App), ("Sec-Fetch-Site", "cross-site"));
    }

    [Test]
    public async Task Publishing_is_refused_with_401()
    {
        await using var server = TestServer.Start(o => o with { PublishToken = "t" });
        using var refused = await server.SendAsync("POST", "/events", ("Cookie", "sse_token=t"));
        await SeesAsync(refused, 401);

        await ExpectPublishedAsync(server, ("Authorization", "Bearer t"));
    }

    [Test]
    public async Task Publishing_is_refused_with_409_because_of_the_id()
    {
        await using var server = TestServer.Start();
        await server.PublishAsync("""{"id":"a","data":1}""");
        using var refused = await server.PostAsync("/events", Json, """{"id":"a","data":2}""");
        await SeesAsync(refused, 409);

        await server.PublishAsync("""{"id":"a","data":1}""");
        await server.PublishAsync("""{"id":"b","data":2}""");
    }

    [Test]
    public async Task Publishing_is_refused_with_409_because_the_channel_has_ended()
    {
        await using var server = TestServer.Start();
        using var end = await server.PostAsync("/events?channel=job&end=1", "text/plain", "");
        using var refused = await server.PostAsync("/events?channel=job", "text/plain", "text");
        await SeesAsync(refused, 409);

        using var forgotten = await server.SendAsync("DELETE", "/channels/job");
        await server.PublishAsync("""{"data":1}""", "job");
    }

    [Test]
    public async Task Publishing_is_refused_with_413()
    {
        var data = $$"""{"data":"{{new string('x', 2000)}}"}""";
        await using var server = TestServer.Start(o => o with { MaxBody = 1000 });
        using var refused = await server.PostAsync("/events", Json, data);
        await SeesAsync(refused, 413);
        await using var small = TestServer.Start(o => o with { History = 1000 });
        using var other = await small.PostAsync("/events", Json, data);
        await SeesAsync(other, 413);

        await using var cured = TestServer.Start(o => o with { MaxBody = 3000, History = 3000 });
        await cured.PublishAsync(data);
    }

    [Test]
    public async Task Publishing_is_refused_with_415()
    {
        await using var server = TestServer.Start();
        var line = $"http://127.0.0.1:{server.Port}/events -d '{{\"data\":1}}'";
        using var refused = RealClient.Curl(line);
        await refused.EndsWellAsync();
        Sees(refused.Output);

        using var cured = RealClient.Curl(line + " -H 'Content-Type: application/json'");
        await cured.EndsWellAsync();
        Assert.That(cured.Output, Does.StartWith("{\"id\":"));
    }

    [Test]
    public async Task Publishing_is_refused_with_400()
    {
        await using var server = TestServer.Start();
        using var refused = await server.PostAsync("/events", Json, "{data:1}");
        await SeesAsync(refused, 400);
        using var misspelt = await server.PostAsync("/events?chanel=a", Json, """{"data":1}""");
        await SeesAsync(misspelt, 400);

        await server.PublishAsync("""{"data":1}""", "a");
    }

    [Test]
    public async Task Publishing_is_refused_with_503_because_there_are_too_many()
    {
        var head = (int port) => RawRequest.Head(port, "POST /events", "Content-Type: text/plain", "Content-Length: 1");
        await using var server = TestServer.Start(o => o with { MaxPublishes = 1 });
        using var slow = new RawRequest(server.Port);
        await slow.SendAsync(head(server.Port));
        await server.LogsAsync("POST /events");
        await Wait.UntilAsync(async () => await PublishedMeanwhileAsync(server, slow), "it does not give way");
        Sees(await slow.ReadUntilAsync("\"}"));
        Assert.That(slow.Received, Does.StartWith("HTTP/1.1 503").And.Contain("Retry-After: 1"));

        await using var cured = TestServer.Start(o => o with { MaxPublishes = 2 });
        using var patient = new RawRequest(cured.Port);
        await patient.SendAsync(head(cured.Port));
        await cured.LogsAsync("POST /events");
        await cured.PublishAsync("""{"data":1}""");
        await patient.SendAsync("1");
        Assert.That(await patient.ReadUntilAsync("\"}"), Does.StartWith("HTTP/1.1 200"));
    }

    [Test]
    public async Task Publishing_is_refused_with_503_because_of_the_journal()
    {
        using var folder = new TempFolder();
        var path = folder.Path + "/data";
        await using var server = TestServer.Start(o => o with { Data = path });
        Directory.Delete(path, recursive: true);
        await File.WriteAllTextAsync(path, "in its place");
        using var refused = await server.PostAsync("/events", "text/plain", "text");
        await SeesAsync(refused, 503);

        File.Delete(path);
        await server.PublishAsync("""{"data":1}""");
        await LogsAsync(() => server.Logged);
    }

    [Test]
    public async Task Events_arrive_twice()
    {
        await using var server = TestServer.Start();
        await using var client = await server.SubscribeAsync();
        await server.PublishAsync("""{"data":1}""");
        await server.PublishAsync("""{"data":1}""");
        Assert.That(await client.NextDataAsync(2), Is.EqualTo((string[])["1", "1"]));

        await server.PublishAsync("""{"id":"a","data":2}""");
        await server.PublishAsync("""{"id":"a","data":2}""");
        Assert.That((await client.NextAsync()).Data, Is.EqualTo("2"));
        await server.ExpectNothingArrivedAsync(client);
    }

    // The server may not have begun with the slow one when it has the next.
    private static async Task<bool> PublishedMeanwhileAsync(TestServer server, RawRequest slow)
    {
        await server.PublishAsync("""{"data":1}""");
        return server.Logged.Contains(" 503: ", StringComparison.Ordinal) && slow.Received.Length == 0;
    }

    private static async Task ExpectPublishedAsync(TestServer server, params (string, string)[] fields)
    {
        using var answer = await server.SendAsync("POST", "/events", fields);
        Assert.That((int)answer.StatusCode, Is.EqualTo(200));
    }
}
