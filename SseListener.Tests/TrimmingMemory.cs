using SseListener.Http;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>When the heap is put together and memory given back, while nothing happens.</summary>
public sealed class TrimmingMemory : IDisposable
{
    private readonly TrimmedHeap _heap = new();

    public void Dispose() => _heap.Dispose();

    [Test]
    public void It_is_once_after_many_have_come_and_it_is_quiet()
    {
        (_heap.Clients, _heap.Activity) = (1000, 1000);
        _heap.Look();
        Assert.That(_heap.Collections, Is.Empty, "they have just come");
        _heap.Look();
        _heap.Look();
        Assert.That(_heap.Collections, Is.EqualTo([Trim.Release]));
    }

    [Test]
    public void All_garbage_is_collected_at_once_and_gaps_are_closed()
    {
        var before = GC.GetGCMemoryInfo(GCKind.FullBlocking).Index;
        using var trim = new HeapTrim(() => 1000, () => 0);
        trim.Look();
        trim.Look();
        var after = GC.GetGCMemoryInfo(GCKind.FullBlocking);
        Assert.That(after.Index, Is.GreaterThan(before));
        Assert.That(after.Compacted, Is.True);
    }

    [Test]
    public void It_is_not_while_there_is_something_to_do()
    {
        for (_heap.Clients = 5000; _heap.Activity < 10; _heap.Activity++)
        {
            _heap.Look();
        }

        Assert.That(_heap.Collections, Is.Empty);
    }

    [Test]
    public void When_it_is_quiet_it_is_for_all()
    {
        _heap.Pause = 1000;
        _heap.Clients = 2000;
        _heap.LookOn();
        _heap.Clients = 4000;

        // By the time it may be done it is calm as well.
        for (var look = 0; look < 10; look++)
        {
            _heap.Look();
        }

        _heap.Now += 1_000_000;
        _heap.Look();
        Assert.That(_heap.Collections, Is.EqualTo([Trim.Release, Trim.Release]));
    }

    [Test]
    public void It_is_not_while_clients_leave()
    {
        for (_heap.Clients = 20_000; _heap.Clients > 0; _heap.Clients -= 1000)
        {
            _heap.Look();
        }

        Assert.That(_heap.Collections, Is.Empty);
    }

    [TestCase(1999, 2)]
    [TestCase(2000, 3)]
    [TestCase(8000, 6)]
    public void The_more_clients_the_longer_it_has_to_be_quiet(int clients, int looks)
    {
        _heap.Clients = clients;
        for (var look = 1; look < looks; look++)
        {
            _heap.Look();
        }

        Assert.That(_heap.Collections, Is.Empty);
        _heap.Look();
        Assert.That(_heap.Collections, Is.EqualTo([Trim.Release]));
    }

    [Test]
    public void Whatever_happens_in_between_it_has_to_be_quiet_for_as_long_again()
    {
        _heap.Clients = 8000;
        for (var look = 0; look < 13; look++)
        {
            _heap.Activity += look % 5 == 0 ? 1 : 0;
            _heap.Look();
        }

        Assert.That(_heap.Collections, Is.Empty);
    }

    [TestCase(199)]
    [TestCase(50)]
    public void It_is_not_for_few(int clients)
    {
        _heap.Clients = clients;
        _heap.LookOn();
        Assert.That(_heap.Collections, Is.Empty);
    }

    [TestCase(18_285, 0)]
    [TestCase(18_300, 1)]
    [TestCase(14_001, 0)]
    [TestCase(14_000, 1)]
    public void Among_many_it_takes_an_eighth(int clients, int collections)
    {
        _heap.Clients = 16_000;
        _heap.LookOn();
        _heap.Collections.Clear();
        _heap.Clients = clients;
        _heap.LookOn();
        Assert.That(_heap.Collections, Has.Count.EqualTo(collections));
    }

    [Test]
    public void After_many_have_left_what_waits_for_finalizers_goes_first()
    {
        _heap.Clients = 2000;
        _heap.LookOn();
        _heap.Clients = 0;
        _heap.LookOn();
        _heap.LookOn();
        Assert.That(_heap.Collections, Is.EqualTo([Trim.Release, Trim.Beside, Trim.Release]));
    }

    [Test]
    public void Who_comes_back_in_between_does_not_spare_the_first_of_the_two()
    {
        foreach (var clients in (int[])[2000, 0])
        {
            _heap.Clients = clients;
            _heap.LookOn();
        }

        _heap.Clients = 1800;
        _heap.LookOn();
        _heap.Clients = 0;
        _heap.LookOn();
        _heap.Look();
        Assert.That(_heap.Collections, Is.EqualTo([Trim.Release, Trim.Beside, Trim.Beside, Trim.Release]));
    }

    [Test]
    public void However_often_some_leave_and_come_back_what_waits_for_finalizers_does_not_go_all_the_time()
    {
        _heap.Pause = 1000;
        _heap.Clients = 20_000;
        _heap.LookOn();
        _heap.Now += 1_000_000;
        for (var dips = 0; dips < 3; dips++)
        {
            _heap.Clients = 17_000;
            _heap.LookOn();
            _heap.Clients = 20_000;
            _heap.Look();
        }

        Assert.That(_heap.Collections, Is.EqualTo([Trim.Release, Trim.Beside]));
    }

    [Test]
    public void Whenever_many_leave_again_what_waits_for_finalizers_goes_first()
    {
        foreach (var clients in (int[])[4000, 2000, 0])
        {
            _heap.Clients = clients;
            _heap.LookOn();
            _heap.Look();
        }

        Assert.That(_heap.Collections, Is.EqualTo([Trim.Release, Trim.Beside, Trim.Release, Trim.Beside, Trim.Release]));
    }

    [Test]
    public void After_two_pauses_the_next_one_is_twice_as_far()
    {
        _heap.Pause = 1000;
        foreach (var clients in (int[])[20_000, 10_000])
        {
            _heap.Clients = clients;
            _heap.LookOn();
            _heap.Look();
            _heap.Now += 380_000;
        }

        _heap.Clients = 0;
        _heap.Look();
        _heap.Look();
        Assert.That(_heap.Collections, Is.EqualTo([Trim.Release, Trim.Beside, Trim.Release]));
        _heap.Now += 20_000;
        _heap.Look();
        Assert.That(_heap.Collections, Has.Count.EqualTo(4));
    }

    [Test]
    public void However_many_come_and_go_it_is_not_all_the_time()
    {
        _heap.Pause = 10;
        for (var waves = 0; waves < 5; waves++)
        {
            _heap.Clients += 2000;
            _heap.LookOn();
        }

        Assert.That(_heap.Collections, Has.Count.EqualTo(5), "a pause of 10 ms, every 2 s");
        _heap.Pause = 1000;
        for (var end = _heap.Now + 180_000; _heap.Now < end;)
        {
            _heap.Clients = _heap.Clients == 20_000 ? 30_000 : 20_000;
            _heap.LookOn();
        }

        Assert.That(_heap.Collections, Has.Count.EqualTo(6), "a pause of 1 s, within 200 s");
    }
}
