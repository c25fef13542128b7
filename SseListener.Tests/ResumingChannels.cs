using System.Collections.Concurrent;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>Clients that come and go while much is published to channels of which each has some.</summary>
public sealed class ResumingChannels
{
    private const int Publishes = 5000;
    private static readonly string[] _channels = [.. from room in Enumerable.Range(0, 4) from place in Enumerable.Range(0, 5) select $"room{room}/{place}"];

    [TestCase("")]
    [TestCase("&envelope=1")]
    public async Task Fifty_that_drop_and_resume_at_random_get_exactly_their_own_once_and_in_order(string more)
    {
        await using var server = TestServer.Start(o => o with { PresenceLimit = 0, History = 1024 * 1024 * 1024 });
        var start = await server.PublishAsync("""{"data":0}""", "end");
        var random = new Random(11);
        var everything = FollowAsync(server, ["room0/*", "room1/*", "room2/*", "room3/*"], more, start, seed: 0);
        var lists = Enumerable.Range(0, 50).Select(_ => RandomList(random)).ToArray();
        var clients = lists.Select((list, i) => FollowAsync(server, list, more, start, seed: i)).ToArray();
        var channelOf = await PublishAsync(server);
        await server.PublishAsync("""{"type":"end","data":0}""", "end");

        var order = await everything;
        Assert.That(order, Is.EquivalentTo(channelOf.Keys));
        for (var i = 0; i < lists.Length; i++)
        {
            var expected = order.Where(id => lists[i].Any(topic => Events.ChannelNames.Covers(topic, channelOf[id]))).ToList();
            var received = await clients[i];
            Assert.That(received.SequenceEqual(expected), $"client {i} with {string.Join(' ', lists[i])}: {received.Count} events in place of {expected.Count}");
        }
    }

    // A few channels, or a whole room and some that may be in it.
    private static string[] RandomList(Random random)
    {
        var list = random.GetItems(_channels, random.Next(1, 6)).ToHashSet();
        if (random.Next(4) == 0)
            list.Add($"room{random.Next(4)}/*");

        return [.. list];
    }

    private static async Task<ConcurrentDictionary<string, string>> PublishAsync(TestServer server)
    {
        var channelOf = new ConcurrentDictionary<string, string>();
        await Task.WhenAll(Enumerable.Range(0, 8).Select(async publisher =>
        {
            var random = new Random(publisher);
            for (var i = 0; i < Publishes / 8; i++)
            {
                var channel = random.GetItems(_channels, 1)[0];
                channelOf[await server.PublishAsync($$"""{"data":{{i}}}""", channel)] = channel;
            }
        }));
        return channelOf;
    }

    // Reads some events, drops the connection, and comes back with the last id, until the end.
    private static async Task<List<string>> FollowAsync(TestServer server, string[] list, string more, string last, int seed)
    {
        var random = new Random(seed);
        var query = $"?channel=end&{string.Join('&', list.Select(topic => "channel=" + topic))}{more}";
        var ids = new List<string>();
        while (true)
        {
            await using var stream = await server.SubscribeAsync(query, last);
            for (var some = random.Next(1, 400); some > 0; some--)
            {
                var item = await stream.NextAsync();
                if (item.EventType == "end")
                    return ids;

                ids.Add(last = item.EventId!);
            }
        }
    }
}
