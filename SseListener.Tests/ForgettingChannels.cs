using System.Net;
using System.Text.Json;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary><c>DELETE /channels/NAME</c>: a channel is as if it had never been.</summary>
public sealed class ForgettingChannels
{
    [Test]
    public async Task Nothing_of_it_is_kept_and_it_can_be_used_again()
    {
        await using var server = TestServer.Start();
        var id = await server.PublishAsync("""{"data":1}""", "llm/42");
        var other = await server.PublishAsync("""{"data":2}""", "other");
        using var ended = await server.PostAsync("/events?channel=llm/42&end=1", "text/plain", "");
        await ForgetAsync(server, "llm/42");
        Assert.That(await KeptAsync(server, "?channel=llm/42&channel=other"), Is.EqualTo((string[])["2"]));
        await server.PublishAsync("""{"data":3}""", "llm/42");
        await using var back = await server.SubscribeAsync("?channel=llm/42", lastEventId: id);
        Assert.That((await back.NextAsync()).EventType, Is.EqualTo("gap"));
        Assert.That((await back.NextAsync()).Data, Is.EqualTo("3"));

        // Who has missed something of it is told, and nobody else.
        await using var both = await server.SubscribeAsync("?channel=llm/42&channel=other", lastEventId: other);
        Assert.That((await both.NextAsync()).EventType, Is.EqualTo("gap"));
        await using var elsewhere = await server.SubscribeAsync("?channel=other", lastEventId: other);
        await server.ExpectNothingArrivedAsync(elsewhere, "other");
    }

    [Test]
    public async Task Who_listens_to_it_hears_what_is_published_next()
    {
        await using var server = TestServer.Start();
        await server.PublishAsync("""{"data":1}""", "llm/42");
        await using var one = await server.SubscribeAsync("?channel=llm/42");
        await using var pattern = await server.SubscribeAsync("?channel=llm/*");
        await ForgetAsync(server, "llm/42");
        await server.PublishAsync("""{"data":2}""", "llm/42");
        Assert.That((await one.NextAsync()).Data, Is.EqualTo("2"));
        Assert.That((await pattern.NextAsync()).Data, Is.EqualTo("2"));
    }

    // Two in a row, and a quiet client whose place lies between them.
    [Test]
    public async Task A_place_between_channels_that_are_forgotten_is_one()
    {
        await using var server = TestServer.Start();
        await server.PublishAsync("""{"data":1}""", "a");
        await server.PublishAsync("""{"data":1}""", "b");
        await ForgetAsync(server, "a");
        await using var quiet = await server.SubscribeAsync("?channel=other");
        await ForgetAsync(server, "b");
        await server.PublishAsync("""{"data":2}""", "a");
        await using var back = await server.SubscribeAsync("?channel=other", quiet.LastEventId);
        await server.ExpectNothingArrivedAsync(back, "other");
    }

    [Test]
    public async Task It_stays_forgotten_after_a_restart()
    {
        using var folder = new TempFolder();
        await using (var server = TestServer.Start(options => options with { Data = folder.Path }))
        {
            await server.PublishAsync("""{"data":1}""", "a");
            await server.PublishAsync("""{"data":1}""", "b");
            await ForgetAsync(server, "a");
            await server.PublishAsync("""{"data":2}""", "a");
            await ForgetAsync(server, "b");
        }

        await using var again = TestServer.Start(options => options with { Data = folder.Path });
        Assert.That(await KeptAsync(again, "?channel=a&channel=b"), Is.EqualTo((string[])["2"]));
    }

    // Not even room is taken from others for one that is not there.
    [Test]
    public async Task One_that_is_not_there_is_forgotten_as_well()
    {
        await using var server = TestServer.Start(options => options with { MaxChannels = 1 });
        await server.PublishAsync("""{"data":1}""", "a");
        await ForgetAsync(server, "never");
        Assert.That(await KeptAsync(server, "?channel=a"), Is.EqualTo((string[])["1"]));
    }

    [TestCase("DELETE", "/channels/", 400)]
    [TestCase("DELETE", "/channels/a%20b", 400)]
    [TestCase("DELETE", "/channels/a/*", 400)]
    [TestCase("DELETE", "/channels/a?force=1", 400)]
    [TestCase("PUT", "/channels/a", 405)]
    public async Task What_names_no_channel_is_refused(string method, string path, int status)
    {
        await using var server = TestServer.Start();
        using var answer = await server.SendAsync(method, path);
        Assert.That((int)answer.StatusCode, Is.EqualTo(status));
    }

    private static async Task ForgetAsync(TestServer server, string channel)
    {
        using var answer = await server.SendAsync("DELETE", "/channels/" + channel);
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.NoContent));
    }

    private static async Task<List<string>> KeptAsync(TestServer server, string query)
    {
        using var answer = await server.SendAsync("GET", "/events" + query, ("Accept", "application/json"));
        return [.. JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement.GetProperty("events").EnumerateArray()
            .Select(sseEvent => sseEvent.GetProperty("data").GetRawText())];
    }
}
