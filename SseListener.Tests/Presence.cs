using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>Who is told that somebody joined or left.</summary>
public sealed class Presence
{
    [Test]
    public async Task Those_already_there_are_told_who_joins_and_the_newcomer_is_not()
    {
        await using var server = TestServer.Start();
        await using var first = await server.SubscribeAsync();
        await using var second = await server.SubscribeAsync();
        var join = await first.NextAsync();
        Assert.That(join.EventType, Is.EqualTo("join"));
        Assert.That(join.Data, Is.EqualTo($$"""{"joined":"{{second.ClientId}}"}"""));
        Assert.That(join.EventId, Has.Length.EqualTo(10));

        var id = await server.PublishAsync("""{"data":1}""");
        Assert.That((await second.NextAsync()).EventId, Is.EqualTo(id));
        Assert.That((await first.NextAsync()).EventId, Is.EqualTo(id));
    }

    [Test]
    public async Task Those_who_stay_are_told_who_leaves()
    {
        await using var server = TestServer.Start();
        await using var first = await server.SubscribeAsync();
        var second = await server.SubscribeAsync();
        await first.NextAsync();
        await second.DisposeAsync();
        var leave = await first.NextAsync();
        Assert.That(leave.EventType, Is.EqualTo("leave"));
        Assert.That(leave.Data, Is.EqualTo($$"""{"left":"{{second.ClientId}}"}"""));
        Assert.That(leave.EventId, Has.Length.EqualTo(10));
    }

    [Test]
    public async Task Presence_can_be_switched_off()
    {
        await using var server = TestServer.Start(o => o with { PresenceLimit = 0 });
        await using var first = await server.SubscribeAsync();
        var second = await server.SubscribeAsync();
        await second.DisposeAsync();
        await Wait.UntilAsync(() => server.Server.Clients.Count == 1, "the client that left is still there");
        var id = await server.PublishAsync("""{"data":1}""");
        Assert.That((await first.NextAsync()).EventId, Is.EqualTo(id));
    }

    [Test]
    public async Task An_audience_larger_than_the_limit_is_not_told()
    {
        await using var server = TestServer.Start(o => o with { PresenceLimit = 2 });
        await using var first = await server.SubscribeAsync();
        await using var second = await server.SubscribeAsync();
        await using var third = await server.SubscribeAsync();
        Assert.That((await first.NextAsync()).Data, Is.EqualTo($$"""{"joined":"{{second.ClientId}}"}"""));
        var id = await server.PublishAsync("""{"data":1}""");
        Assert.That((await first.NextAsync()).EventId, Is.EqualTo(id));
        Assert.That((await second.NextAsync()).EventId, Is.EqualTo(id));
    }

    [Test]
    public async Task A_join_can_be_resumed_from()
    {
        await using var server = TestServer.Start();
        await using var first = await server.SubscribeAsync();
        await using var second = await server.SubscribeAsync();
        var join = await first.NextAsync();
        var id = await server.PublishAsync("""{"data":1}""");
        await using var third = await server.SubscribeAsync(lastEventId: join.EventId);
        Assert.That((await third.NextAsync()).EventId, Is.EqualTo(id));
    }
}
