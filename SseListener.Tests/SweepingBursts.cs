using SseListener.Delivery;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>How lanes leave the processors to others in a burst.</summary>
public sealed class SweepingBursts
{
    private static readonly TimeSpan _longSweep = TimeSpan.FromMilliseconds(10);

    [TestCase(1, 2, 10)]
    [TestCase(2, 2, 30)]
    [TestCase(4, 8, 10)]
    [TestCase(1, 64, 10)]
    public void All_lanes_together_take_a_quarter_of_the_processors_and_none_more_than_half_of_one(int lanes, int processors, int rest)
    {
        using var bursts = new Bursts(lanes, processors);
        Assert.That(bursts.RestAfter(_longSweep, 10_000).TotalMilliseconds, Is.EqualTo(rest));
    }

    [Test]
    public void A_rest_has_a_limit()
    {
        using var bursts = new Bursts(lanes: 1, processors: 2);
        Assert.That(bursts.RestAfter(TimeSpan.FromSeconds(1), 10_000), Is.EqualTo(TimeSpan.FromMilliseconds(50)));
    }

    [TestCase(0.9, 10_000, TestName = "A_short_sweep_is_none_of_a_burst")]
    [TestCase(10, 1024, TestName = "A_few_events_are_no_burst")]
    [TestCase(10, 64 * 1024, TestName = "Long_slices_are_not_made_longer")]
    public void There_is_no_rest(double swept, long news)
    {
        using var bursts = new Bursts(lanes: 2, processors: 2);
        Assert.That(bursts.RestAfter(TimeSpan.FromMilliseconds(swept), news), Is.EqualTo(TimeSpan.Zero));
    }

    [TestCase(2, 2, false, 1)]
    [TestCase(2, 2, true, 2)]
    [TestCase(4, 8, false, 4)]
    [TestCase(64, 8, false, 1)]
    public void Lanes_and_the_threads_of_the_pool_share_the_processors(int lanes, int processors, bool waitsForDisk, int threads) =>
        Assert.That(PoolThreads.Beside(lanes, processors, waitsForDisk), Is.EqualTo(threads));

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
}
