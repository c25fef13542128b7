using System.Diagnostics;
using SseListener.Delivery;

namespace SseListener.Tests;

/// <summary>How lanes leave the processors to others in a burst.</summary>
public sealed class SweepingBursts
{
    [TestCase(5, 100, 10_000, 15)]
    [TestCase(1000, 100, 10_000, 50, TestName = "A_rest_has_a_limit")]
    [TestCase(0.9, 100, 10_000, 0, TestName = "A_short_sweep_is_none_of_a_burst")]
    [TestCase(10, 2, 10_000, 0, TestName = "Two_events_are_no_burst")]
    [TestCase(10, 100, 64 * 1024, 0, TestName = "Long_slices_are_not_made_longer")]
    public void Others_get_three_quarters_of_the_processor(double swept, long frames, long bytes, int rest) =>
        Assert.That(Rest.After(TimeSpan.FromMilliseconds(swept), frames, bytes).TotalMilliseconds, Is.EqualTo(rest));

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

    private static long Milliseconds(double time) => (long)(time / 1000 * Stopwatch.Frequency);
}
