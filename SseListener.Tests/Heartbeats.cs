using System.Text;
using SseListener.Delivery;
using SseListener.Events;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>The comment that keeps a silent stream alive.</summary>
public sealed class Heartbeats
{
    [Test]
    public async Task A_silent_stream_gets_comments_and_nothing_else()
    {
        await using var server = TestServer.Start(o => o with { Heartbeat = TimeSpan.FromMilliseconds(100) });
        using var raw = new RawRequest(server.Port);
        await raw.SendAsync($"GET /events HTTP/1.1\r\nHost: 127.0.0.1:{server.Port}\r\n\r\n");
        await raw.ReadUntilAsync("3\r\n:\n\n\r\n3\r\n:\n\n\r\n3\r\n:\n\n\r\n");
        Assert.That(raw.Body, Does.Match("^event: hello\n.*\n.*\n.*\n\n(:\n\n)+$"));
    }

    [Test]
    public void A_comment_does_not_come_in_the_middle_of_an_event()
    {
        var frame = Encoding.UTF8.GetBytes($"data: {new string('x', 200_000)}\nid: i\n\n");
        var log = new ChannelLog("default");
        log.Append(frame, new FrameStamp(Sequence: 1, Time: 0, Before: 0), new SegmentLimits(Smallest: 1, Largest: 1, Time: 1, Stretch: 1));
        var output = new RecordedOutput();
        var client = LoneClient.Of(log, output);
        var (slice, heartbeat) = (new Slice(), Slice.Of(SseFrame.Heartbeat));
        var options = LoneClient.LaneOptions with { Heartbeat = TimeSpan.FromSeconds(1), WriteTimeout = TimeSpan.FromMinutes(2) };
        Assert.That(client.SendNext(slice, now: 0), Is.EqualTo(Turn.Again), "a part of the event, and more to come");
        client.Tick(heartbeat, now: 60_000, options);
        while (client.SendNext(slice, now: 60_000) is Turn.Again)
        {
            // The rest.
        }

        client.Tick(heartbeat, now: 120_000, options);
        Assert.That(output.Text, Is.EqualTo(Encoding.UTF8.GetString(frame) + ":\n\n"));
    }

    [Test]
    public async Task A_parser_does_not_see_them()
    {
        await using var server = TestServer.Start(o => o with { Heartbeat = TimeSpan.FromMilliseconds(20) });
        await using var client = await server.SubscribeAsync();
        using var raw = new RawRequest(server.Port);
        await raw.SendAsync($"GET /events HTTP/1.1\r\nHost: 127.0.0.1:{server.Port}\r\n\r\n");
        await raw.ReadUntilAsync("3\r\n:\n\n\r\n3\r\n:\n\n");
        Assert.That((await client.NextAsync()).EventType, Is.EqualTo("join"));
        var id = await server.PublishAsync("""{"data":1}""");
        Assert.That((await client.NextAsync()).EventId, Is.EqualTo(id));
    }
}
