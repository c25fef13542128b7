using SseListener.Delivery;
using SseListener.Events;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>Streams whose tokens come to their end.</summary>
public sealed class ExpiringTokens
{
    // A token ends at a whole second, so up to one sooner; of two seconds a machine that was busy left too little to subscribe in.
    private static readonly TimeSpan _life = TimeSpan.FromSeconds(4);
    private static readonly string[] _user7 = ["user/7"];

    [TestCase("/events?channel=news", false)]
    [TestCase("/events?channel=user/*", true)]
    public async Task A_cookie_ends_only_what_it_was_needed_for(string path, bool ends)
    {
        await using var server = Start(TimeSpan.FromMilliseconds(40));
        var cookie = ("Cookie", "sse_token=" + Jwt.For(subscribe: _user7, life: _life));
        using var first = await server.SendAsync("GET", "/events?channel=user/7", cookie);
        using var second = await server.SendAsync("GET", path, cookie);
        Assert.That((int)second.StatusCode, Is.EqualTo(200));
        await Wait.UntilAsync(() => server.Server.Clients.Count == (ends ? 0 : 1), "the first one has not ended");
        if (!ends)
        {
            // The clock of streams has ticks of some milliseconds, so one may end that much before its token.
            await Wait.UntilAsync(async () =>
            {
                using var early = await server.SendAsync("GET", "/events?channel=user/7", cookie);
                return !early.IsSuccessStatusCode;
            }, "its token does not expire");
            using var late = await server.SendAsync("GET", "/events?channel=user/7", cookie);
            await PublishTokens.ExpectAsync(late, 401, "invalid_token");
            await Wait.UntilAsync(() => server.Server.Clients.Count == 1, "the other one has ended, or somebody else has not");
        }
    }

    [TestCase(40)]
    [TestCase(15_000)]
    public async Task A_stream_ends_with_its_token_and_the_others_go_on(int heartbeat)
    {
        await using var server = Start(TimeSpan.FromMilliseconds(heartbeat));
        await using var client = await server.SubscribeAsync("?channel=user/7&token=" + Jwt.For(subscribe: _user7, life: _life));
        await using var other = await server.SubscribeAsync("?channel=user/7&token=" + Jwt.For(subscribe: _user7));
        Assert.That((await client.NextAsync()).EventType, Is.EqualTo("join"));
        await client.EndAsync();
        await server.LogsAsync($"closed the connection of client {client.ClientId}: its token has expired");
        Assert.That((await other.NextAsync()).EventType, Is.EqualTo("leave"));
        using var answer = await server.SendAsync("POST", "/events?channel=user/7", ("Authorization", "Bearer " + Jwt.For(publish: _user7)));
        Assert.That((await other.NextAsync()).EventType, Is.EqualTo("message"));
    }

    [Test]
    public void A_token_that_has_expired_gets_nothing_even_before_its_stream_has_ended()
    {
        var log = new ChannelLog("a");
        var output = new RecordedOutput();
        var slice = new Slice();
        var client = LoneClient.Of(log, output, new Lifetime(100, EndReason.TokenExpired));
        var limits = new SegmentLimits(Smallest: 100, Largest: 100, Time: 1, Stretch: 1);
        log.Append("data: 1\n\n"u8, new FrameStamp(Sequence: 1, Time: 0, Before: 0), limits);
        client.SendNext(slice, now: 99);
        log.Append("data: 2\n\n"u8, new FrameStamp(Sequence: 2, Time: 0, Before: 0), limits);
        Assert.That(client.SendNext(slice, now: 100), Is.EqualTo(Turn.Over));
        client.Complete();
        Assert.That(output.Text, Is.EqualTo("data: 1\n\n"));
        Assert.That(client.Ended.Result, Is.EqualTo(EndReason.TokenExpired));
    }

    private static TestServer Start(TimeSpan heartbeat) => TestServer.Start(o => o with { JwtKey = SignedTokens.Key(Jwt.Secret), Private = ["user/*"], Heartbeat = heartbeat });
}
