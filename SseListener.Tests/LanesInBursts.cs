using System.Net.Sockets;
using System.Text;
using SseListener.Delivery;
using SseListener.Events;
using SseListener.Metrics;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>Lanes whose sweeps are long while more and more is appended.</summary>
public sealed class LanesInBursts
{
    private static readonly SegmentLimits _limits = new(Smallest: 4096, Largest: 65_536, Time: long.MaxValue, Stretch: long.MaxValue);

    [TestCase(1)]
    [TestCase(2)]
    [TestCase(3)]
    public async Task Slices_get_longer_and_every_client_gets_all_of_it(int count)
    {
        using var metrics = new ServerMetrics();
        var log = new ChannelLog("default");
        var outputs = Enumerable.Range(0, 12).Select(_ => new SlowOutput()).ToList();
        var lanes = new DeliveryLanes(count, LoneClient.LaneOptions, () => new LaneMeter(metrics.Sweeps, metrics.Latencies));
        foreach (var output in outputs)
            lanes.Next().Add(LoneClient.Of(log, output));

        var expected = new StringBuilder();
        for (var i = 1; i <= 2000; i++)
        {
            var frame = $"data: {i} {new string('x', 100)}\nid: {i}\n\n";
            expected.Append(frame);
            log.Append(Encoding.UTF8.GetBytes(frame), new FrameStamp(Sequence: i, Time: 0, Before: 0), _limits);
            lanes.Wake(log);
            SlowOutput.Spin(TimeSpan.FromMicroseconds(50));
        }

        await lanes.DrainAsync().WaitAsync(Wait.Limit);
        await Task.Run(lanes.Dispose).WaitAsync(Wait.Limit);
        Assert.That(outputs.Select(output => output.Text), Is.All.EqualTo(expected.ToString()));
        Assert.That(outputs.Sum(output => output.Sends), Is.LessThan(12 * 2000 / 4), "slices get longer");
    }

    // A lane that waited before it goes on would take a second for each 5 ms of the sweep.
    [Test]
    public async Task A_topic_whose_sweep_takes_long_gives_way_to_others_and_goes_on_at_once()
    {
        using var metrics = new ServerMetrics();
        var (many, few) = (new ChannelLog("many"), new ChannelLog("few"));
        var outputs = Enumerable.Range(0, 2000).Select(_ => new SlowOutput()).ToList();
        using var lanes = new DeliveryLanes(1, LoneClient.LaneOptions, () => new LaneMeter(metrics.Sweeps, metrics.Latencies));
        var other = new CountingOutput(() => outputs.Count(output => output.Sends > 0));
        lanes.Next().Add(LoneClient.Of(few, other));
        outputs.ForEach(output => lanes.Next().Add(LoneClient.Of(many, output)));
        await lanes.DrainAsync().WaitAsync(Wait.Limit);
        foreach (var log in (ChannelLog[])[many, few])
        {
            log.Append("data: 1\n\n"u8, new FrameStamp(Sequence: 1, Time: 0, Before: 0), _limits);
            lanes.Wake(log);
        }

        await Wait.UntilAsync(() => outputs.All(output => output.Sends > 0), "not all have it");
        Assert.That(other.Count, Is.InRange(0, outputs.Count - 1), "it waited for all of the others");
    }

    [Test]
    public void A_sweep_that_gave_way_serves_each_client_once_whoever_leaves_meanwhile()
    {
        using var metrics = new ServerMetrics();
        var subscribers = new TopicSubscribers(new ChannelLog("a"));
        var clients = Enumerable.Range(0, 200).Select(_ => LoneClient.Of(new ChannelLog("a"), new RecordedOutput())).ToList();
        clients.ForEach(client => subscribers.Add(client, slot: 0));
        var served = new List<Client>();
        var left = new HashSet<Client>();
        while (!subscribers.Sweep(Serve, new LaneMeter(metrics.Sweeps, metrics.Latencies)))
        {
            // One that was served first, one that was served last, and one that was not yet.
            foreach (var client in (Client[])[served[left.Count], served[^1], subscribers.Clients[^1].Client])
            {
                if (left.Add(client))
                    subscribers.RemoveAt(client.ListIndexes[0]);
            }
        }

        Assert.That(left, Has.Count.GreaterThan(3), "it gave way");
        Assert.That(served, Is.Unique.And.SupersetOf(clients.Except(left)));
        Assert.That(subscribers.Clients.ToArray().Select(entry => entry.Client), Is.EquivalentTo(clients.Except(left)));

        void Serve(Client client)
        {
            served.Add(client);
            SlowOutput.Spin(TimeSpan.FromMicroseconds(100));
        }
    }

    [Test]
    public void A_client_waits_for_its_turn_once()
    {
        var client = LoneClient.Of(new ChannelLog("default"), new RecordedOutput());
        Assert.That(client.TryBeginWaiting(), Is.True);
        Assert.That(client.TryBeginWaiting(), Is.False, "it does already");
        client.EndWaiting();
        Assert.That(client.TryBeginWaiting(), Is.True);
    }

    /// <summary>Counts something when it is sent to.</summary>
    private sealed class CountingOutput(Func<int> count) : RecordedOutput
    {
        public int Count { get; private set; } = -1;

        public override SocketError Send(Slice slice, out List<ArraySegment<byte>>? unsent)
        {
            Count = count();
            return base.Send(slice, out unsent);
        }
    }
}
