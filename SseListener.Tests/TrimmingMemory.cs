using SseListener.Runtime;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>When memory is given back.</summary>
public sealed class TrimmingMemory
{
    private const int Much = 8 * 1024 * 1024;

    [Test]
    public void It_is_given_back_once_after_much_was_allocated_and_it_has_been_quiet()
    {
        using var heap = new PlayedHeap { Allocated = Much };
        heap.Pass(looks: 4);
        Assert.That(heap.Trims, Is.Zero, "something had happened before");
        heap.Pass(looks: 100);
        Assert.That(heap.Trims, Is.EqualTo(1));
    }

    [Test]
    public void It_is_not_after_little_was_allocated()
    {
        using var heap = new PlayedHeap { Allocated = Much - 1 };
        heap.Pass(looks: 100);
        Assert.That(heap.Trims, Is.Zero);
    }

    [Test]
    public void It_is_not_while_something_happens()
    {
        using var heap = new PlayedHeap { Allocated = Much };
        for (var i = 0; i < 30; i++)
        {
            heap.Pass(looks: 4);
            heap.Activity++;
        }

        Assert.That(heap.Trims, Is.Zero);
    }

    [Test]
    public void It_takes_no_more_than_a_small_part_of_the_time()
    {
        using var heap = new PlayedHeap { Allocated = Much, Pause = TimeSpan.FromSeconds(1) };
        heap.Pass(looks: 5);
        heap.Allocated += Much;
        heap.Pass(looks: 4 * 198);
        Assert.That(heap.Trims, Is.EqualTo(1));
        heap.Pass(looks: 10);
        Assert.That(heap.Trims, Is.EqualTo(2));
    }

    [Test]
    public async Task The_whole_heap_is_compacted()
    {
        var before = GC.GetGCMemoryInfo(GCKind.FullBlocking).Index;
        using var trim = new HeapTrim(() => 0);
        trim.Start();
        await Wait.UntilAsync(() => GC.GetGCMemoryInfo(GCKind.FullBlocking) is { Compacted: true } last && last.Index > before, "it has not been compacted");
    }

    /// <summary>A heap and a clock that the test moves.</summary>
    private sealed class PlayedHeap : TimeProvider, IDisposable
    {
        private readonly HeapTrim _trim;
        private TimerCallback? _look;
        private DateTimeOffset _now = DateTimeOffset.UnixEpoch;

        public PlayedHeap()
        {
            _trim = new HeapTrim(() => Activity, () => Allocated, Trim, this);
            Activity = 1;
        }

        public long Activity { get; set; }

        public long Allocated { get; set; }

        public TimeSpan Pause { get; init; }

        public int Trims { get; private set; }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _now.Ticks;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            _look = callback;
            return TimeProvider.System.CreateTimer(_ => { }, state: null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }

        /// <summary>Lets so much time pass, a quarter of a second a look.</summary>
        public void Pass(int looks)
        {
            for (; looks > 0; looks--)
            {
                _now += TimeSpan.FromMilliseconds(250);
                _look!(null);
            }
        }

        public void Dispose() => _trim.Dispose();

        private void Trim()
        {
            Trims++;
            _now += Pause;
        }
    }
}
