using SseListener.Http;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>When the heap is put together where events never cease.</summary>
public sealed class TrimmingAmongEvents : IDisposable
{
    private readonly TrimmedHeap _heap = new();

    public void Dispose() => _heap.Dispose();

    [TestCase(200, 6)]
    [TestCase(1000, 7)]
    [TestCase(8000, 14)]
    public void Where_events_go_on_it_is_when_nobody_has_come_for_longer(int clients, int looks)
    {
        _heap.Clients = clients;
        _heap.LookOnAmongEvents(looks - 1);
        Assert.That(_heap.Collections, Is.Empty);
        _heap.LookOnAmongEvents(1);
        Assert.That(_heap.Collections, Is.EqualTo([Trim.Compact]));
        _heap.LookOnAmongEvents(looks * 2);
        Assert.That(_heap.Collections, Has.Count.EqualTo(1));
    }

    [TestCase(8000, 80, -80, 1)]
    [TestCase(8000, 80, 1, 0)]
    [TestCase(16_000, 160, -160, 1)]
    [TestCase(300, 20, -20, 1)]
    [TestCase(300, 20, 1, 0)]
    public void As_many_may_come_as_go(int clients, int coming, int going, int collections)
    {
        _heap.Clients = clients;
        _heap.LookOnAmongEvents(1);
        for (var look = 0; look < 40; look++)
        {
            // A hundredth, or twenty: there and back, or on and on.
            _heap.Clients += look % 2 == 0 ? coming : going;
            _heap.LookOnAmongEvents(1);
        }

        Assert.That(_heap.Collections, Has.Count.EqualTo(collections));
    }

    [Test]
    public void Few_that_are_left_may_come_and_go()
    {
        _heap.Clients = 2000;
        _heap.LookOn();
        for (var look = 0; look < 10; look++)
        {
            _heap.Clients = 90 + (look % 2);
            _heap.LookOnAmongEvents(1);
        }

        Assert.That(_heap.Collections, Is.EqualTo([Trim.Release, Trim.Beside, Trim.Compact]));
    }

    [Test]
    public void What_is_not_given_back_among_events_is_when_it_is_quiet()
    {
        _heap.Clients = 2000;
        _heap.LookOnAmongEvents(10);
        _heap.Clients = 1990;
        _heap.LookOn();
        _heap.LookOn();
        Assert.That(_heap.Collections, Is.EqualTo([Trim.Compact, Trim.Release]));
    }

    [Test]
    public void When_many_have_left_among_events_what_waits_for_finalizers_goes_first()
    {
        _heap.Clients = 2000;
        _heap.LookOn();
        _heap.Clients = 0;
        _heap.LookOnAmongEvents(10);
        Assert.That(_heap.Collections, Is.EqualTo([Trim.Release, Trim.Beside, Trim.Compact]));
    }

    [Test]
    public void However_many_come_and_go_among_events_it_is_not_all_the_time()
    {
        _heap.Pause = 1000;
        while (_heap.Now < 200_000)
        {
            _heap.Clients = _heap.Clients == 20_000 ? 30_000 : 20_000;
            _heap.LookOnAmongEvents(40);
        }

        Assert.That(_heap.Collections, Is.EqualTo([Trim.Compact]));
    }
}
