using SseListener.Http;

namespace SseListener.Tests;

/// <summary>When the heap is put together, and memory given back.</summary>
public sealed class TrimmingMemory
{
    private readonly List<Trim> _collections = [];
    private readonly Clock _clock = new();
    private long _pause = 1;
    private int _clients;
    private long _activity;

    [Test]
    public void It_is_once_after_many_have_come_and_it_is_quiet()
    {
        using var trim = Watch();
        (_clients, _activity) = (1000, 1000);
        trim.Look();
        Assert.That(_collections, Is.Empty, "they have just come");
        trim.Look();
        trim.Look();
        Assert.That(_collections, Is.EqualTo([Trim.Release]));
    }

    [Test]
    public void It_is_not_while_there_is_something_to_do()
    {
        using var trim = Watch();
        for (_clients = 5000; _activity < 10; _activity++)
        {
            trim.Look();
        }

        Assert.That(_collections, Is.Empty);
    }

    [TestCase(200, 6)]
    [TestCase(1000, 7)]
    [TestCase(8000, 14)]
    public void Where_events_go_on_it_is_when_nobody_has_come_for_longer(int clients, int looks)
    {
        using var trim = Watch();
        _clients = clients;
        LookOnAmongEvents(trim, looks - 1);
        Assert.That(_collections, Is.Empty);
        LookOnAmongEvents(trim, 1);
        Assert.That(_collections, Is.EqualTo([Trim.Compact]));
        LookOnAmongEvents(trim, looks * 2);
        Assert.That(_collections, Has.Count.EqualTo(1));
    }

    [TestCase(8000, 80, -80, 1)]
    [TestCase(8000, 80, 1, 0)]
    [TestCase(16_000, 160, -160, 1)]
    [TestCase(300, 20, -20, 1)]
    [TestCase(300, 20, 1, 0)]
    public void As_many_may_come_as_go(int clients, int coming, int going, int collections)
    {
        using var trim = Watch();
        _clients = clients;
        LookOnAmongEvents(trim, 1);
        for (var look = 0; look < 40; look++)
        {
            // A hundredth, or twenty: there and back, or on and on.
            _clients += look % 2 == 0 ? coming : going;
            LookOnAmongEvents(trim, 1);
        }

        Assert.That(_collections, Has.Count.EqualTo(collections));
    }

    [Test]
    public void Few_that_are_left_may_come_and_go()
    {
        using var trim = Watch();
        _clients = 2000;
        LookOn(trim);
        for (var look = 0; look < 10; look++)
        {
            _clients = 90 + (look % 2);
            LookOnAmongEvents(trim, 1);
        }

        Assert.That(_collections, Is.EqualTo([Trim.Release, Trim.Beside, Trim.Compact]));
    }

    [Test]
    public void What_is_not_given_back_among_events_is_when_it_is_quiet()
    {
        using var trim = Watch();
        _clients = 2000;
        LookOnAmongEvents(trim, 10);
        _clients = 1990;
        LookOn(trim);
        LookOn(trim);
        Assert.That(_collections, Is.EqualTo([Trim.Compact, Trim.Release]));
    }

    [Test]
    public void When_it_is_quiet_it_is_for_all()
    {
        using var trim = Watch();
        _pause = 1000;
        _clients = 2000;
        LookOn(trim);
        _clients = 4000;
        for (var look = 0; look < 10; look++)
        {
            trim.Look();
        }

        _clock.Now += 1_000_000;
        trim.Look();
        Assert.That(_collections, Is.EqualTo([Trim.Release, Trim.Release]));
    }

    [Test]
    public void When_many_have_left_among_events_what_waits_for_finalizers_goes_first()
    {
        using var trim = Watch();
        _clients = 2000;
        LookOn(trim);
        _clients = 0;
        LookOnAmongEvents(trim, 10);
        Assert.That(_collections, Is.EqualTo([Trim.Release, Trim.Beside, Trim.Compact]));
    }

    [Test]
    public void It_is_not_while_clients_leave()
    {
        using var trim = Watch();
        for (_clients = 20_000; _clients > 0; _clients -= 1000)
        {
            trim.Look();
        }

        Assert.That(_collections, Is.Empty);
    }

    [TestCase(1999, 2)]
    [TestCase(2000, 3)]
    [TestCase(8000, 6)]
    public void The_more_clients_the_longer_it_has_to_be_quiet(int clients, int looks)
    {
        using var trim = Watch();
        _clients = clients;
        for (var look = 1; look < looks; look++)
        {
            trim.Look();
        }

        Assert.That(_collections, Is.Empty);
        trim.Look();
        Assert.That(_collections, Is.EqualTo([Trim.Release]));
    }

    [Test]
    public void Whatever_happens_in_between_it_has_to_be_quiet_for_as_long_again()
    {
        using var trim = Watch();
        _clients = 8000;
        for (var look = 0; look < 13; look++)
        {
            _activity += look % 5 == 0 ? 1 : 0;
            trim.Look();
        }

        Assert.That(_collections, Is.Empty);
    }

    [TestCase(199)]
    [TestCase(50)]
    public void It_is_not_for_few(int clients)
    {
        using var trim = Watch();
        _clients = clients;
        LookOn(trim);
        Assert.That(_collections, Is.Empty);
    }

    [TestCase(18_285, 0)]
    [TestCase(18_300, 1)]
    [TestCase(14_001, 0)]
    [TestCase(14_000, 1)]
    public void Among_many_it_takes_an_eighth(int clients, int collections)
    {
        using var trim = Watch();
        _clients = 16_000;
        LookOn(trim);
        _collections.Clear();
        _clients = clients;
        LookOn(trim);
        Assert.That(_collections, Has.Count.EqualTo(collections));
    }

    [Test]
    public void After_many_have_left_what_waits_for_finalizers_goes_first()
    {
        using var trim = Watch();
        _clients = 2000;
        LookOn(trim);
        _clients = 0;
        LookOn(trim);
        LookOn(trim);
        Assert.That(_collections, Is.EqualTo([Trim.Release, Trim.Beside, Trim.Release]));
    }

    [Test]
    public void Who_comes_back_in_between_does_not_spare_the_first_of_the_two()
    {
        using var trim = Watch();
        foreach (var clients in (int[])[2000, 0])
        {
            _clients = clients;
            LookOn(trim);
        }

        _clients = 1800;
        LookOn(trim);
        _clients = 0;
        LookOn(trim);
        trim.Look();
        Assert.That(_collections, Is.EqualTo([Trim.Release, Trim.Beside, Trim.Beside, Trim.Release]));
    }

    [Test]
    public void However_many_come_and_go_among_events_it_is_not_all_the_time()
    {
        using var trim = Watch();
        _pause = 1000;
        while (_clock.Now < 200_000)
        {
            _clients = _clients == 20_000 ? 30_000 : 20_000;
            LookOnAmongEvents(trim, 40);
        }

        Assert.That(_collections, Is.EqualTo([Trim.Compact]));
    }

    [Test]
    public void However_often_some_leave_and_come_back_what_waits_for_finalizers_does_not_go_all_the_time()
    {
        using var trim = Watch();
        _pause = 1000;
        _clients = 20_000;
        LookOn(trim);
        _clock.Now += 1_000_000;
        for (var dips = 0; dips < 3; dips++)
        {
            _clients = 17_000;
            LookOn(trim);
            _clients = 20_000;
            trim.Look();
        }

        Assert.That(_collections, Is.EqualTo([Trim.Release, Trim.Beside]));
    }

    [Test]
    public void Whenever_many_leave_again_what_waits_for_finalizers_goes_first()
    {
        using var trim = Watch();
        foreach (var clients in (int[])[4000, 2000, 0])
        {
            _clients = clients;
            LookOn(trim);
            trim.Look();
        }

        Assert.That(_collections, Is.EqualTo([Trim.Release, Trim.Beside, Trim.Release, Trim.Beside, Trim.Release]));
    }

    [Test]
    public void After_two_pauses_the_next_one_is_twice_as_far()
    {
        using var trim = Watch();
        _pause = 1000;
        foreach (var clients in (int[])[20_000, 10_000])
        {
            _clients = clients;
            LookOn(trim);
            trim.Look();
            _clock.Now += 380_000;
        }

        _clients = 0;
        trim.Look();
        trim.Look();
        Assert.That(_collections, Is.EqualTo([Trim.Release, Trim.Beside, Trim.Release]));
        _clock.Now += 20_000;
        trim.Look();
        Assert.That(_collections, Has.Count.EqualTo(4));
    }

    [Test]
    public void However_many_come_and_go_it_is_not_all_the_time()
    {
        using var trim = Watch();
        _pause = 10;
        for (var waves = 0; waves < 5; waves++)
        {
            _clients += 2000;
            LookOn(trim);
        }

        Assert.That(_collections, Has.Count.EqualTo(5), "a pause of 10 ms, every 2 s");
        _pause = 1000;
        for (var end = _clock.Now + 180_000; _clock.Now < end;)
        {
            _clients = _clients == 20_000 ? 30_000 : 20_000;
            LookOn(trim);
        }

        Assert.That(_collections, Has.Count.EqualTo(6), "a pause of 1 s, within 200 s");
    }

    // As often as it takes with so many clients.
    private void LookOn(HeapTrim trim)
    {
        for (var looks = 2 + (_clients / 2000); looks > 0; looks--)
        {
            _clock.Now += 1000;
            trim.Look();
        }
    }

    private void LookOnAmongEvents(HeapTrim trim, int looks)
    {
        for (; looks > 0; looks--)
        {
            _clock.Now += 1000;
            _activity++;
            trim.Look();
        }
    }

    private HeapTrim Watch() => new(() => _clients, () => _activity, Collect, _clock);

    private void Collect(Trim trim)
    {
        _collections.Add(trim);
        _clock.Now += _pause;
    }

    private sealed class Clock : TimeProvider
    {
        public long Now { get; set; }

        public override long TimestampFrequency => 1000;

        public override long GetTimestamp() => Now;
    }
}
