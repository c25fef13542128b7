using System.Diagnostics;
using SseListener.Delivery;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>How lanes leave the processors to others in a burst.</summary>
public sealed class SweepingBursts
{
    private static readonly TimeSpan _longSweep = TimeSpan.FromMilliseconds(5);
    private static readonly News _news = new(Frames: 100, Bytes: 10_000);

    [TestCase(1, 2, 15)]
    [TestCase(2, 2, 35)]
    [TestCase(4, 8, 15)]
    [TestCase(1, 64, 5)]
    public void All_lanes_together_take_an_eighth_of_the_processors_and_none_more_than_half_of_one(int lanes, int processors, int rest)
    {
        using var bursts = new Bursts(lanes, processors);
        Assert.That(bursts.RestAfter(_longSweep, _news).TotalMilliseconds, Is.EqualTo(rest));
    }

    [Test]
    public void A_rest_has_a_limit()
    {
        using var bursts = new Bursts(lanes: 1, processors: 2);
        Assert.That(bursts.RestAfter(TimeSpan.FromSeconds(1), _news), Is.EqualTo(TimeSpan.FromMilliseconds(50)));
    }

    [TestCase(0.9, 100, 10_000, TestName = "A_short_sweep_is_none_of_a_burst")]
    [TestCase(10, 2, 10_000, TestName = "Two_events_are_no_burst")]
    [TestCase(10, 100, 64 * 1024, TestName = "Long_slices_are_not_made_longer")]
    public void There_is_no_rest(double swept, long frames, long bytes)
    {
        using var bursts = new Bursts(lanes: 2, processors: 2);
        Assert.That(bursts.RestAfter(TimeSpan.FromMilliseconds(swept), new News(frames, bytes)), Is.EqualTo(TimeSpan.Zero));
    }

    [Test]
    public void A_rest_goes_on_to_its_limit_while_more_and_more_comes_in()
    {
        var rest = new Rest(TimeSpan.FromMilliseconds(3), count: 0, now: 0);
        Assert.That(rest.GoesOn(count: 1, now: Milliseconds(1.5)), Is.True);
        Assert.That(rest.GoesOn(count: 1, now: Milliseconds(2.9)), Is.True, "the last has come 1.4 ms ago");
        Assert.That(rest.GoesOn(count: 2, now: Milliseconds(3)), Is.False);
    }

    [Test]
    public void A_rest_ends_when_nothing_has_come_in_for_a_while()
    {
        var rest = new Rest(TimeSpan.FromDays(1), count: 0, now: 0);
        Assert.That(rest.GoesOn(count: 1, now: Milliseconds(1.5)), Is.True);
        Assert.That(rest.GoesOn(count: 1, now: Milliseconds(3.4)), Is.True);
        Assert.That(rest.GoesOn(count: 1, now: Milliseconds(3.5)), Is.False);
    }

    [TestCase(2, 1)]
    [TestCase(4, 2)]
    public void Half_as_many_lanes_as_processors_sweep_at_a_time(int processors, int most)
    {
        using var bursts = new Bursts(lanes: 4, processors);
        var (sweeping, tooMany) = (0, 0);
        var lanes = Enumerable.Range(0, 4).Select(_ => new Thread(() =>
        {
            for (var turn = 0; turn < 50; turn++)
            {
                bursts.BeginTurn();
                Interlocked.Add(ref tooMany, Interlocked.Increment(ref sweeping) > most ? 1 : 0);
                SlowOutput.Spin(TimeSpan.FromMilliseconds(0.2));
                Interlocked.Decrement(ref sweeping);
                bursts.EndTurn();
            }
        })).ToList();
        lanes.ForEach(lane => lane.Start());
        Assert.That(lanes.All(lane => lane.Join(Wait.Limit)), Is.True, "everybody gets a turn");
        Assert.That(tooMany, Is.Zero);
    }

    private static long Milliseconds(double time) => (long)(time / 1000 * Stopwatch.Frequency);
}
