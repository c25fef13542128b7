using System.Diagnostics;
using System.Text;
using SseListener.Delivery;
using SseListener.Events;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>Streams that end when they are old, and all streams when the server stops.</summary>
public sealed class AgeingStreams
{
    [Test]
    public async Task A_stream_ends_at_its_age_give_or_take_a_fifth_and_its_client_misses_nothing()
    {
        await using var server = TestServer.Start(o => o with { PresenceLimit = 0, MaxAge = TimeSpan.FromSeconds(3), Heartbeat = TimeSpan.FromMilliseconds(40) });
        var started = Stopwatch.GetTimestamp();
        await using var client = await server.SubscribeAsync();
        await server.PublishAsync("""{"data":1}""");
        await client.NextAsync();
        await client.EndAsync();
        Assert.That(Stopwatch.GetElapsedTime(started), Is.GreaterThan(TimeSpan.FromMilliseconds(2390)));
        await server.ExpectMetricAsync("""sse_streams_ended_total{reason="max_age"}""", 1);
        await server.PublishAsync("""{"data":2}""");
        await using var back = await server.SubscribeAsync(lastEventId: client.LastEventId);
        Assert.That((await back.NextAsync()).Data, Is.EqualTo("2"));
    }

    [Test]
    public async Task Streams_that_began_together_do_not_end_together()
    {
        await using var server = TestServer.Start(o => o with { PresenceLimit = 0, MaxAge = TimeSpan.FromHours(1) });
        var clients = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => server.SubscribeAsync()));
        var ends = server.Server.Clients.Values.Select(client => TimeSpan.FromMilliseconds(client.Lifetime.End)).ToList();

        // Of twenty within 24 minutes, it takes a chance of 1 in 10^8 that all are within a quarter of it.
        Assert.That(ends, Has.Count.EqualTo(20));
        Assert.That(ends.Max() - ends.Min(), Is.InRange(TimeSpan.FromMinutes(6), TimeSpan.FromMinutes(25)));
        foreach (var client in clients)
            await client.DisposeAsync();
    }

    [Test]
    public void An_old_stream_gets_the_rest_of_the_frame_that_has_begun_and_no_slice_more()
    {
        var log = new ChannelLog("a");
        var limits = new SegmentLimits(Smallest: 100, Largest: 1_000_000, Time: 1, Stretch: 1_000_000);
        var frame = Encoding.ASCII.GetBytes($"data: {new string('x', 100_000)}\n\n");
        log.Append(frame, new FrameStamp(Sequence: 1, Time: 0, Before: 0), limits);
        log.Append("data: 2\n\n"u8, new FrameStamp(Sequence: 2, Time: 0, Before: 0), limits with { Largest = 100 });
        var output = new RecordedOutput();
        var client = LoneClient.Of(log, output, new Lifetime(100, EndReason.MaxAge));
        var slice = new Slice();
        Assert.That(client.SendNext(slice, now: 99), Is.EqualTo(Turn.Again), "there is more");
        Assert.That(client.Tick(Slice.Of(SseFrame.Heartbeat), now: 100, LoneClient.LaneOptions), Is.EqualTo(Turn.Done));
        client.SendNext(slice, now: 100);
        Assert.That(output.Text, Is.EqualTo(Encoding.ASCII.GetString(frame) + "data: 2\n\n"));
        log.Append("data: 3\n\n"u8, new FrameStamp(Sequence: 3, Time: 0, Before: 0), limits);
        Assert.That(client.SendNext(slice, now: 100), Is.EqualTo(Turn.Over));
        Assert.That(output.Text, Does.Not.Contain("3"));
        client.Complete();
        Assert.That(client.Ended.Result, Is.EqualTo(EndReason.MaxAge));
    }

    [Test]
    public async Task A_token_that_expires_earlier_ends_its_stream_earlier()
    {
        await using var server = TestServer.Start(o => o with { MaxAge = TimeSpan.FromHours(1), JwtKey = SignedTokens.Key(Jwt.Secret), Private = ["*"], Heartbeat = TimeSpan.FromMilliseconds(40) });
        await using var client = await server.SubscribeAsync("?token=" + Jwt.For(subscribe: ["*"], life: TimeSpan.FromSeconds(5)));
        await client.EndAsync();
        await server.ExpectMetricAsync("""sse_streams_ended_total{reason="token_expired"}""", 1);
    }

    [Test]
    public async Task A_stop_ends_streams_one_after_the_other()
    {
        await using var server = TestServer.Start(o => o with { PresenceLimit = 0, Drain = TimeSpan.FromSeconds(1) });
        var clients = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => server.SubscribeAsync()));

        // Whoever is greeted in the moment of the stop is ended at once.
        await Wait.UntilAsync(() => server.Logged.Split(" connected from ").Length == 11, "they are not all there");
        var started = Stopwatch.GetTimestamp();
        var stopping = server.Server.StopAsync();
        var ends = await Task.WhenAll(clients.Select(async client =>
        {
            await client.EndAsync();
            return Stopwatch.GetElapsedTime(started).TotalMilliseconds;
        }));
        await stopping;
        var sorted = ends.Order().ToArray();
        for (var place = 0; place < sorted.Length; place++)
            Assert.That(sorted[place], Is.GreaterThan((place * 100) - 20), string.Join(", ", sorted));
    }

    [Test]
    public async Task A_stop_does_not_take_longer_than_there_are_clients()
    {
        await using var server = TestServer.Start(o => o with { PresenceLimit = 0, Drain = TimeSpan.FromHours(1) });
        await using (var leaves = await server.SubscribeAsync())
        await using (var other = await server.SubscribeAsync())
        {
            await Wait.UntilAsync(() => server.Logged.Split(" connected from ").Length == 3, "they are not both there");
            var stopping = server.Server.StopAsync();
            await Wait.UntilAsync(() => server.Server.Clients.Count == 1, "nobody's stream has ended");
        }

        await server.Server.StopAsync().WaitAsync(Wait.Limit);
    }
}
