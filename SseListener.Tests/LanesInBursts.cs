using System.Diagnostics.CodeAnalysis;
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

    [SuppressMessage("Reliability", "CA2000:Dispose objects before losing scope", Justification = "Disposed within a limit, on another thread.")]
    [TestCase(1)]
    [TestCase(2)]
    [TestCase(3)]
    public async Task They_take_turns_and_every_client_gets_all_of_it(int count)
    {
        using var metrics = new ServerMetrics();
        var log = new ChannelLog("default");
        var outputs = Enumerable.Range(0, 12).Select(_ => new SlowOutput()).ToList();
        var lanes = new DeliveryLanes(count, processors: 2, () => new LaneMeter(metrics.Sweeps, metrics.Latencies), TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(1));
        foreach (var output in outputs)
        {
            lanes.Next().Add(LoneClient.Of(log, output));
        }

        var expected = new StringBuilder();
        for (var i = 1; i <= 2000; i++)
        {
            var frame = $"data: {i} {new string('x', 100)}\nid: {i}\n\n";
            expected.Append(frame);
            var position = log.Append(Encoding.UTF8.GetBytes(frame), new FrameStamp(Sequence: i, Time: 0, Before: 0), _limits);
            log.Take(new NumberedFrame(position, i));
            lanes.Wake(log);
            SlowOutput.Spin(TimeSpan.FromMicroseconds(50));
        }

        await lanes.DrainAsync().WaitAsync(Wait.Limit);
        await Task.Run(lanes.Dispose).WaitAsync(Wait.Limit);
        Assert.That(outputs.Select(output => Encoding.UTF8.GetString(output.ToArray())), Is.All.EqualTo(expected.ToString()));
        Assert.That(outputs.Sum(output => output.Writes), Is.LessThan(12 * 2000 / 4), "slices get longer");
    }

    [TestCase(30_000, 65_536, 30_000, false)]
    [TestCase(500_000, 65_536, 65_000, true)]
    [TestCase(30_000, 200, 2_000, true)]
    public void A_turn_goes_on_where_a_segment_ends_but_not_for_ever(int bytes, int largestSegment, int sent, bool isToGoOn)
    {
        using var output = new QuickOutput();
        var log = new ChannelLog("default");
        var client = LoneClient.Of(log, output);
        for (var i = 1; i <= bytes / 100; i++)
        {
            log.Append(new byte[100], new FrameStamp(Sequence: i, Time: 0, Before: 0), _limits with { Smallest = 200, Largest = largestSegment });
        }

        Assert.That(client.Advance(now: 0), Is.EqualTo(isToGoOn), "there is more");
        Assert.That(output.Length, Is.InRange(sent, 2 * sent));
    }

    [Test]
    public void A_client_waits_for_its_turn_once()
    {
        using var output = new QuickOutput();
        var log = new ChannelLog("default");
        var client = LoneClient.Of(log, output);
        Assert.That(client.TryBeginWaiting(), Is.True);
        Assert.That(client.TryBeginWaiting(), Is.False, "it does already");
        client.EndWaiting();
        Assert.That(client.TryBeginWaiting(), Is.True);
    }
}
