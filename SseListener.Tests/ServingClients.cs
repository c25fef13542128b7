using System.Net.Sockets;
using System.Text;
using SseListener.Delivery;
using SseListener.Events;
using SseListener.Metrics;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>What a lane does with its clients, step by step, on connections that the test plays.</summary>
public sealed class ServingClients : IDisposable
{
    private static readonly SegmentLimits _limits = new(Smallest: 4096, Largest: 4096, Time: long.MaxValue, Stretch: long.MaxValue);

    private readonly ServerMetrics _metrics = new();
    private readonly ChannelLog _log = new("a");
    private int _number;

    public void Dispose() => _metrics.Dispose();

    [Test]
    public async Task What_is_appended_while_a_newcomer_is_served_goes_to_those_who_stand_where_it_stood()
    {
        using var lane = new DeliveryLane("lane", LoneClient.LaneOptions, new Roster(isOn: false, margin: 0), new LaneMeter(_metrics.Sweeps, _metrics.Latencies), (_, _) => { });
        var waits = new RecordedOutput();
        lane.Add(LoneClient.Of(_log, waits));
        await lane.DrainAsync().WaitAsync(Wait.Limit);
        var newcomer = LoneClient.Of(_log, new AppendingOutput(() =>
        {
            Append("2");
            lane.Wake(_log);
        }));
        Append("1");
        lane.Add(newcomer);
        await Wait.UntilAsync(() => waits.Text == "data: 1\n\ndata: 2\n\n", "it waits for another event");
    }

    [Test]
    public void What_is_unsent_goes_before_anything_else_and_from_where_it_lies()
    {
        var output = new RecordedOutput(taken: 3);
        var client = LoneClient.Of(_log, output);
        var slice = new Slice();
        Append("1");
        Assert.That(client.SendNext(slice, now: 0), Is.EqualTo(Turn.Done));
        Append("2");
        Assert.That(client.SendNext(slice, now: 0), Is.EqualTo(Turn.Done), "one send at a time");
        Assert.That((output.Text, output.UnsentText), Is.EqualTo(("dat", "a: 1\n\n")));
        output.Unsent.SetResult(SocketError.Success);
        client.SendNext(slice, now: 0);
        Assert.That(output.Text, Is.EqualTo("datdat"));
    }

    [Test]
    public void A_client_that_is_ended_during_a_send_is_cut_first_and_over_when_that_has_ended()
    {
        var output = new RecordedOutput(taken: 3);
        var client = LoneClient.Of(_log, output);
        var slice = new Slice();
        Append("1");
        client.SendNext(slice, now: 0);
        client.End(EndReason.Dismissed);
        Assert.That((client.SendNext(slice, now: 0), output.IsCut), Is.EqualTo((Turn.Done, true)));
        output.Unsent.SetResult(SocketError.ConnectionReset);
        Assert.That(client.SendNext(slice, now: 0), Is.EqualTo(Turn.Over));
        client.Complete();
        Assert.That(client.Ended.Result, Is.EqualTo(EndReason.Dismissed));
    }

    [Test]
    public async Task A_client_that_is_over_leaves_once()
    {
        var leaves = 0;
        var options = LoneClient.LaneOptions with { PresenceLimit = 10 };
        using var lane = new DeliveryLane("lane", options, new Roster(isOn: true, margin: 0), new LaneMeter(_metrics.Sweeps, _metrics.Latencies), (change, _) => leaves += change.HasJoined ? 0 : 1);
        var client = LoneClient.Of(_log, new RecordedOutput());
        lane.Add(client);
        await lane.DrainAsync().WaitAsync(Wait.Limit);
        Append("1");
        client.End(EndReason.Dismissed);
        lane.Wake(_log);
        await client.Ended.WaitAsync(Wait.Limit);
        client.End(EndReason.Left);
        await lane.DrainAsync().WaitAsync(Wait.Limit);
        await lane.DrainAsync().WaitAsync(Wait.Limit);
        Assert.That(leaves, Is.EqualTo(1));
    }

    [TestCase(SocketError.ConnectionReset, SocketError.TimedOut)]
    [TestCase(SocketError.TimedOut, SocketError.ConnectionReset)]
    public void That_the_kernel_has_given_up_counts_whether_it_is_said_first_or_last(SocketError first, SocketError last)
    {
        var client = LoneClient.Of(_log, new RecordedOutput());
        client.Leave(first);
        client.Leave(last);
        client.Complete();
        Assert.That(client.Ended.Result, Is.EqualTo(EndReason.WriteTimeout));
    }

    private void Append(string data) =>
        _log.Append(Encoding.ASCII.GetBytes($"data: {data}\n\n"), new FrameStamp(++_number, Time: 0, Before: 0), _limits);

    private sealed class AppendingOutput(Action append) : RecordedOutput
    {
        public override SocketError Send(Slice slice, out List<ArraySegment<byte>>? unsent)
        {
            if (Sends == 0)
                append();

            return base.Send(slice, out unsent);
        }
    }
}
