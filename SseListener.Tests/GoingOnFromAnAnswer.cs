using System.Text.Json;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>A client that begins at the position of <c>GET /channels/NAME</c> is told of all that changed since, and joins are no history.</summary>
public sealed class GoingOnFromAnAnswer
{
    [Test]
    public async Task Who_came_and_went_since_is_told_first_and_then_what_was_published()
    {
        await using var server = TestServer.Start();
        await using var stays = await server.SubscribeAsync("?channel=room");
        var leaves = await server.SubscribeAsync("?channel=room");
        await server.PublishAsync("""{"data":"before"}""", "room");
        var answer = await ChannelAnswer.OfAsync(server, "room");
        Assert.That(answer.Members, Is.EquivalentTo((string[])[stays.ClientId, leaves.ClientId]));

        await using var comes = await server.SubscribeAsync("?channel=room");
        await leaves.DisposeAsync();
        await ChannelAnswer.WhenAsync(server, "room", now => now.Clients == 2);
        await server.PublishAsync("""{"data":"after"}""", "room");

        await using var client = await server.SubscribeAsync("?channel=room", answer.Position);
        Assert.That(client.LastEventId, Is.EqualTo(answer.Position), "a good position comes back as it is");
        Assert.That((await client.NextAsync()).Data, Is.EqualTo($$"""{"joined":"{{comes.ClientId}}","clients":3}"""));
        Assert.That((await client.NextAsync()).Data, Is.EqualTo($$"""{"left":"{{leaves.ClientId}}","clients":3}"""));
        Assert.That((await client.NextAsync()).Data, Is.EqualTo("\"after\""));
        await using var last = await server.SubscribeAsync("?channel=room");
        Assert.That((await client.NextAsync()).Data, Is.EqualTo($$"""{"joined":"{{last.ClientId}}","clients":4}"""));
    }

    [Test]
    public async Task The_id_of_a_join_that_is_told_late_passes_over_nothing()
    {
        await using var server = TestServer.Start();
        await using var first = await server.SubscribeAsync("?channel=room");
        var answer = await ChannelAnswer.OfAsync(server, "room");
        await using var second = await server.SubscribeAsync("?channel=room");
        await server.PublishAsync("""{"data":"missed"}""", "room");
        string afterJoin;
        await using (var client = await server.SubscribeAsync("?channel=room", answer.Position))
        {
            var join = await client.NextAsync();
            Assert.That(join.EventType, Is.EqualTo("join"));
            afterJoin = join.EventId!;
        }

        await using var resumed = await server.SubscribeAsync("?channel=room", afterJoin);
        Assert.That((await resumed.NextAsync()).Data, Is.EqualTo("\"missed\""), "and no join, which is no history");
    }

    [Test]
    public async Task A_client_of_another_channel_is_told_of_its_own()
    {
        await using var server = TestServer.Start();
        await using var first = await server.SubscribeAsync("?channel=a");
        var answer = await ChannelAnswer.OfAsync(server, "a");
        await using var other = await server.SubscribeAsync("?channel=b");
        await using var both = await server.SubscribeAsync("?channel=a&channel=b");
        await using var client = await server.SubscribeAsync("?channel=a&envelope=1", answer.Position);
        Assert.That((await client.NextAsync()).Data, Is.EqualTo($$$"""{"channel":"a","data":{"joined":"{{{both.ClientId}}}","clients":3}}"""));
        await using var pattern = await server.SubscribeAsync("?channel=a/*", answer.Position);
        await server.PublishAsync("""{"data":1}""", "a/1");
        Assert.That((await pattern.NextAsync()).EventType, Is.EqualTo("message"));
    }

    [Test]
    public async Task Where_there_are_more_than_the_limit_nobody_is_told_late_either()
    {
        await using var server = TestServer.Start(o => o with { PresenceLimit = 2 });
        await using var first = await server.SubscribeAsync("?channel=room");
        var answer = await ChannelAnswer.OfAsync(server, "room");
        await using var second = await server.SubscribeAsync("?channel=room");
        await using var third = await server.SubscribeAsync("?channel=room", answer.Position);
        await server.ExpectNothingArrivedAsync(third, "room");
    }

    [Test]
    public async Task A_client_of_many_channels_is_told_late_as_it_is_told_live()
    {
        await using var server = TestServer.Start();
        await using var first = await server.SubscribeAsync("?channel=c1");
        var answer = await ChannelAnswer.OfAsync(server, "c1");
        await using var second = await server.SubscribeAsync("?channel=c1");
        await using var many = await server.SubscribeAsync("?" + string.Join('&', Enumerable.Range(1, 11).Select(i => $"channel=c{i}")), answer.Position);
        Assert.That((await many.NextAsync()).Data, Does.Contain(second.ClientId));
        await using var third = await server.SubscribeAsync("?channel=c1");
        Assert.That((await many.NextAsync()).Data, Does.Contain(third.ClientId));
    }

    [Test]
    public async Task Of_a_flood_since_then_a_part_is_told()
    {
        await using var server = TestServer.Start();
        await using var first = await server.SubscribeAsync("?channel=room");
        var answer = await ChannelAnswer.OfAsync(server, "room");
        for (var i = 0; i < 60; i++)
        {
            await using var other = await server.SubscribeAsync("?channel=room");
        }

        await ChannelAnswer.WhenAsync(server, "room", now => now.Clients == 1);
        await using var client = await server.SubscribeAsync("?channel=room", answer.Position);
        await server.PublishAsync("""{"data":"marker"}""", "room");
        var told = new List<string>();
        for (var next = await client.NextAsync(); next.EventType is not "message"; next = await client.NextAsync())
            told.Add(next.Data);

        Assert.That(told, Has.Count.EqualTo(100).And.Unique);
        Assert.That(told.Count(data => data.StartsWith("{\"left\"", StringComparison.Ordinal)), Is.GreaterThanOrEqualTo(40), "the last ones");
    }

    // Clients that come and go all the time, events between them, and more than one lane. Who has asked and begins there knows in the end
    // who is there, whenever it asked.
    [Test]
    public async Task The_answer_with_joins_and_without_leaves_is_who_is_there()
    {
        await using var server = TestServer.Start(o => o with { Lanes = 3 });
        await using var keeper = await server.SubscribeAsync("?channel=room");
        using var isDone = new CancellationTokenSource();
        var coming = Task.WhenAll(Enumerable.Range(0, 2).Select(_ => ComeAndGoAsync(server, isDone.Token)));
        var here = new List<(HashSet<string> Here, EventStream Stream)>();
        try
        {
            for (var i = 0; i < 12; i++)
            {
                var answer = await ChannelAnswer.OfAsync(server, "room");
                await Task.Delay(Random.Shared.Next(100, 300));
                here.Add((answer.Members!.ToHashSet(), await server.SubscribeAsync("?channel=room", answer.Position)));
            }

            await isDone.CancelAsync();
            await coming;
            var end = await ChannelAnswer.WhenAsync(server, "room", now => now.Clients == here.Count + 1);
            await server.PublishAsync("""{"data":"end"}""", "room");
            foreach (var (members, stream) in here)
                await ExpectAsync(stream, members, end.Members!);
        }
        finally
        {
            foreach (var (_, stream) in here)
                await stream.DisposeAsync();
        }
    }

    // The last leave may be told a moment after it is counted, which is when the end is published.
    private static async Task ExpectAsync(EventStream stream, HashSet<string> members, IEnumerable<string> expected)
    {
        members.Add(stream.ClientId);
        var left = new HashSet<string>();
        for (var hasEnded = false; !hasEnded || !members.Except(left).ToHashSet().SetEquals(expected);)
        {
            var next = await stream.NextAsync();
            hasEnded |= next.Data == "\"end\"";
            if (next.EventType is "join")
                members.Add(JsonDocument.Parse(next.Data).RootElement.GetProperty("joined").GetString()!);
            else if (next.EventType is "leave")
                left.Add(JsonDocument.Parse(next.Data).RootElement.GetProperty("left").GetString()!);
        }
    }

    // So seldom that none is left out: 30 a second are told, and these are 10 with those who begin to listen.
    private static async Task ComeAndGoAsync(TestServer server, CancellationToken isDone)
    {
        while (!isDone.IsCancellationRequested)
        {
            await using var client = await server.SubscribeAsync("?channel=room");
            await server.PublishAsync("""{"data":0}""", "other");
            await Task.Delay(Random.Shared.Next(1600), CancellationToken.None);
        }
    }
}
