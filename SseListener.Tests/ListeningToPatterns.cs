using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>Every channel under a prefix, existing or not yet.</summary>
public sealed class ListeningToPatterns
{
    [Test]
    public async Task It_gets_every_channel_under_the_prefix_those_included_that_come_later()
    {
        await using var server = TestServer.Start();
        await server.PublishAsync("""{"data":0}""", "orders/1");
        await using var client = await server.SubscribeAsync("?channel=orders/*");
        Assert.That(client.Hello, Does.EndWith("""["orders/*"]}"""));
        var ids = new List<string>();
        foreach (var channel in (string[])["orders/1", "orders", "orders/new", "ordersx/1", "orders/new/deeper", "other/orders/1", "orders/1"])
        {
            var id = await server.PublishAsync("""{"data":1}""", channel);
            ids.AddRange(channel.StartsWith("orders/", StringComparison.Ordinal) ? [id] : []);
        }

        foreach (var id in ids)
            Assert.That((await client.NextAsync()).EventId, Is.EqualTo(id));
    }

    [Test]
    public async Task What_a_channel_and_two_patterns_have_in_common_comes_once()
    {
        await using var server = TestServer.Start();
        await using var client = await server.SubscribeAsync("?channel=a/b/c&channel=a/*&channel=a/b/*");
        var first = await server.PublishAsync("""{"data":1}""", "a/b/c");
        var second = await server.PublishAsync("""{"data":2}""", "a/b/d");
        var third = await server.PublishAsync("""{"data":3}""", "a/e");
        foreach (var id in (string[])[first, second, third])
            Assert.That((await client.NextAsync()).EventId, Is.EqualTo(id));

        await using var resumed = await server.SubscribeAsync("?channel=a/b/c&channel=a/*&channel=a/b/*", first);
        Assert.That((await resumed.NextAsync()).EventId, Is.EqualTo(second));
        Assert.That((await resumed.NextAsync()).EventId, Is.EqualTo(third));
    }

    [Test]
    public async Task Its_last_id_resumes_it_and_earliest_gets_all()
    {
        await using var server = TestServer.Start();
        var ids = new List<string>();
        foreach (var channel in (string[])["t/1", "t/2", "x", "t/3", "t/1"])
            ids.Add(await server.PublishAsync("""{"data":1}""", channel));

        await using var resumed = await server.SubscribeAsync("?channel=t/*", ids[1]);
        Assert.That((await resumed.NextAsync()).EventId, Is.EqualTo(ids[3]));
        Assert.That((await resumed.NextAsync()).EventId, Is.EqualTo(ids[4]));
        await using var all = await server.SubscribeAsync("?channel=t/*&lastEventId=earliest");
        foreach (var id in (string[])[ids[0], ids[1], ids[3], ids[4]])
            Assert.That((await all.NextAsync()).EventId, Is.EqualTo(id));
    }

    [Test]
    public async Task When_one_client_leaves_it_the_others_go_on()
    {
        await using var server = TestServer.Start();
        await using var client = await server.SubscribeAsync("?channel=t/*");
        await using (await server.SubscribeAsync("?channel=t/*"))
        {
            await Wait.UntilAsync(() => server.Server.Clients.Count == 2, "it is not there");
        }

        await Wait.UntilAsync(() => server.Server.Clients.Count == 1, "it is still there");
        await server.ExpectNothingArrivedAsync(client, "t/1");
        await server.ExpectNothingArrivedAsync(client, "t/2");
    }

    [Test]
    public async Task One_who_listens_to_a_pattern_is_not_announced_and_hears_of_nobody()
    {
        await using var server = TestServer.Start();
        await using var member = await server.SubscribeAsync("?channel=room/1");
        await using var watcher = await server.SubscribeAsync("?channel=room/*");
        await using (await server.SubscribeAsync("?channel=room/1&channel=hall/*"))
        {
            await using var second = await server.SubscribeAsync("?channel=room/1");
            Assert.That((await member.NextAsync()).Data, Is.EqualTo($$"""{"joined":"{{second.ClientId}}","clients":3}"""));
        }

        Assert.That((await member.NextAsync()).EventType, Is.EqualTo("leave"));
        await watcher.DisposeAsync();
        await Wait.UntilAsync(() => server.Server.Clients.Count == 1, "they are still there");
        await server.ExpectNothingArrivedAsync(member, "room/1");
    }
}
