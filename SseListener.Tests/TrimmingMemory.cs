using SseListener.Runtime;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>When memory is given back.</summary>
public sealed class TrimmingMemory
{
    private const long Much = 8 * 1024 * 1024;

    [Test]
    public void Memory_is_given_back_once_after_much_was_allocated_and_it_has_been_quiet()
    {
        using var trim = new HeapTrim(() => 0);
        Assert.That(trim.IsDue(currentActivity: 1, allocated: Much), Is.False, "something had happened before");
        Assert.That(trim.IsDue(currentActivity: 1, allocated: Much), Is.True);
        Assert.That(trim.IsDue(currentActivity: 1, allocated: (2 * Much) - 1), Is.False, "it has been given back already");
        Assert.That(trim.IsDue(currentActivity: 1, allocated: 2 * Much), Is.True);
    }

    [Test]
    public void Memory_is_not_given_back_after_little_was_allocated()
    {
        using var trim = new HeapTrim(() => 0);
        Assert.That(Enumerable.Range(0, 100).Any(_ => trim.IsDue(currentActivity: 1, allocated: Much - 1)), Is.False);
    }

    [Test]
    public void Memory_is_not_given_back_while_something_happens()
    {
        using var trim = new HeapTrim(() => 0);
        Assert.That(Enumerable.Range(1, 100).Any(i => trim.IsDue(currentActivity: i, allocated: i * Much)), Is.False);
    }

    [TestCase(0, 500)]
    [TestCase(5, 500)]
    [TestCase(60, 1200)]
    [TestCase(1000, 20_000)]
    public void It_takes_no_more_than_a_small_part_of_the_time(int trim, int pause) =>
        Assert.That(HeapTrim.IntervalAfter(TimeSpan.FromMilliseconds(trim)), Is.EqualTo(TimeSpan.FromMilliseconds(pause)));

    // Other tests collect, too.
    [Test]
    [NonParallelizable]
    public async Task The_whole_heap_is_compacted()
    {
        var before = GC.GetGCMemoryInfo(GCKind.FullBlocking).Index;
        using var trim = new HeapTrim(() => 0);
        trim.Start();
        await Wait.UntilAsync(() => GC.GetGCMemoryInfo(GCKind.FullBlocking) is { Compacted: true } last && last.Index > before, "it has not been compacted");
    }
}
