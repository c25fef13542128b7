using System.Globalization;
using System.Net;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>A publisher that does not know whether it was heard may say it again.</summary>
public sealed class SafeRetries
{
    [Test]
    public async Task The_same_event_on_another_channel_is_another_event()
    {
        await using var server = TestServer.Start();
        const string Event = """{"id":"one","data":1}""";
        using var first = await server.PostAsync("/events?channel=a", "application/json", Event);
        using var other = await server.PostAsync("/events?channel=b", "application/json", Event);
        using var again = await server.PostAsync("/events?channel=a", "application/json", Event);
        Assert.That(((int)first.StatusCode, (int)other.StatusCode, (int)again.StatusCode), Is.EqualTo((200, 409, 200)));
    }

    [Test]
    public async Task Again_after_a_restart_delivers_nothing()
    {
        using var folder = new TempFolder();
        const string Event = """{"data":"first","type":"t","id":"order-7","retry":5}""";
        await using (var server = KeepingHistory.Start(folder))
        {
            await server.PublishAsync(Event);
        }

        await using var again = KeepingHistory.Start(folder);
        await using var client = await again.SubscribeAsync();
        Assert.That(await again.PublishAsync(Event), Is.EqualTo("order-7"));
        await again.ExpectNothingArrivedAsync(client);
    }

    [TestCase("""{"data":"other","id":"a"}""")]
    [TestCase("""{"data":1,"type":"t","id":"a"}""")]
    [TestCase("""{"data":1,"retry":1,"id":"a"}""")]
    public async Task Another_event_with_the_same_id_is_a_conflict(string other)
    {
        await using var server = TestServer.Start();
        await server.PublishAsync("""{"data":1,"id":"a"}""");
        await using var client = await server.SubscribeAsync();
        using var answer = await server.PostAsync("/events", "application/json", other);
        await Problem.ExpectAsync(answer, 409, "There is another event with the id \"a\"");
        await server.ExpectNothingArrivedAsync(client);
    }

    [Test]
    public async Task A_conflict_refuses_the_whole_batch()
    {
        await using var server = TestServer.Start();
        await server.PublishAsync("""{"data":1,"id":"a"}""");
        await using var client = await server.SubscribeAsync();
        using (var answer = await server.PostAsync("/events", "application/x-ndjson", "{\"data\":2,\"id\":\"b\"}\n{\"data\":3,\"id\":\"a\"}"))
        {
            await Problem.ExpectAsync(answer, 409, "There is another event with the id \"a\"");
        }

        using (var answer = await server.PostAsync("/events", "application/x-ndjson", "{\"data\":2,\"id\":\"c\"}\n{\"data\":3,\"id\":\"c\"}"))
        {
            await Problem.ExpectAsync(answer, 409, "There is another event with the id \"c\"");
        }

        // Neither "b" nor "c" has been taken by what was refused.
        await server.PublishAsync("""{"data":4,"id":"b"}""");
        await server.PublishAsync("""{"data":5,"id":"c"}""");
        Assert.That(await client.NextDataAsync(2), Is.EqualTo((List<string>)["4", "5"]));
    }

    // Many at once, so that some of them are in one batch.
    [Test]
    public async Task Of_those_that_race_one_is_delivered()
    {
        await using var server = TestServer.Start();
        await using var client = await server.SubscribeAsync();
        for (var round = 0; round < 50; round++)
        {
            var body = $$"""{"data":"same","id":"r{{round}}"}""";
            var ids = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => server.PublishAsync(body)));
            Assert.That(ids, Is.All.EqualTo($"r{round}"));
        }

        for (var round = 0; round < 50; round++)
        {
            await client.NextAsync();
            Assert.That(client.LastEventId, Is.EqualTo($"r{round}"));
        }

        await server.ExpectNothingArrivedAsync(client);
    }

    [Test]
    public async Task Of_those_that_differ_one_is_delivered_and_the_others_are_conflicts()
    {
        await using var server = TestServer.Start();
        await using var client = await server.SubscribeAsync();
        for (var round = 0; round < 50; round++)
        {
            var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(i => server.PostAsync("/events", "application/json", $$"""{"data":{{i}},"id":"r{{round}}"}""")));
            Assert.That(answers.Count(answer => answer.StatusCode == HttpStatusCode.OK), Is.EqualTo(1));
            Assert.That(answers.Count(answer => answer.StatusCode == HttpStatusCode.Conflict), Is.EqualTo(7));
            var delivered = int.Parse((await client.NextAsync()).Data, CultureInfo.InvariantCulture);
            Assert.That(answers[delivered].StatusCode, Is.EqualTo(HttpStatusCode.OK));
        }

        await server.ExpectNothingArrivedAsync(client);
    }
}
