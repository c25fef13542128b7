using SseListener.Http;

namespace SseListener.Tests;

/// <summary>When memory is given back.</summary>
public sealed class TrimmingMemory
{
    private readonly List<bool> _collections = [];
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
        Assert.That(_collections, Is.EqualTo([true]));
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

    [TestCase(999)]
    [TestCase(500)]
    public void It_is_not_for_few(int clients)
    {
        using var trim = Watch();
        _clients = clients;
        LookTwice(trim);
        Assert.That(_collections, Is.Empty);
    }

    [TestCase(17_999, 0)]
    [TestCase(18_300, 1)]
    public void Among_many_it_takes_an_eighth(int clients, int collections)
    {
        using var trim = Watch();
        _clients = 16_000;
        LookTwice(trim);
        _collections.Clear();
        _clients = clients;
        LookTwice(trim);
        Assert.That(_collections, Has.Count.EqualTo(collections));
    }

    [Test]
    public void After_many_have_left_what_waits_for_finalizers_goes_first()
    {
        using var trim = Watch();
        _clients = 2000;
        LookTwice(trim);
        _clients = 0;
        LookTwice(trim);
        LookTwice(trim);
        Assert.That(_collections, Is.EqualTo([true, false, true]));
    }

    private static void LookTwice(QuietTrim trim)
    {
        trim.Look();
        trim.Look();
    }

    private QuietTrim Watch() => new(() => _clients, () => _activity, _collections.Add);
}
