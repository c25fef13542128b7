using System.Text;
using SseListener.Events;

namespace SseListener.Tests;

/// <summary>What history drops, by the clock: times are in milliseconds.</summary>
public sealed class HistoryLimits
{
    private static readonly TimeSpan _age = TimeSpan.FromSeconds(16);

    [Test]
    public void Events_go_at_their_own_age_though_others_of_their_channel_stay()
    {
        var history = new History(100_000, _age);
        var log = history.CreateLog("a");
        Append(history, log, "1", time: 0);
        Append(history, log, "2", time: 2000);
        history.Expire([log], time: 17_000);
        Assert.That(Kept(history, "1", "2"), Is.EqualTo("2"));
    }

    [Test]
    public void A_large_first_event_goes_too()
    {
        var history = new History(100_000, _age);
        var log = history.CreateLog("a");
        Append(history, log, "1", time: 0, size: 2000);
        history.Expire([log], time: 16_001);
        Assert.That(Kept(history, "1"), Is.Empty);
    }

    [Test]
    public void What_has_gone_by_age_does_not_go_by_size_once_more()
    {
        var history = new History(3000, _age);
        var (a, b) = (history.CreateLog("a"), history.CreateLog("b"));
        Append(history, b, "b1", time: 0);
        Append(history, a, "a1", time: 5000, size: 400);
        Append(history, a, "a2", time: 5000, size: 400);
        Append(history, b, "b2", time: 9000);
        history.Expire([a, b], time: 17_000);
        Assert.That(Kept(history, "a1", "a2", "b1", "b2"), Is.EqualTo("a1 a2 b2"));

        // Enough that the segments sealed so far have to go.
        for (var i = 0; i < 5; i++)
        {
            Append(history, a, $"x{i}", time: 17_000, size: 600);
        }

        Assert.That(Kept(history, "a1", "b2", "x4"), Is.EqualTo("b2 x4"));
    }

    private static void Append(History history, ChannelLog log, string id, long time, int size = 10) =>
        history.Append(log, Encoding.ASCII.GetBytes($"data: {new string('x', size)}\nid: {id}\n\n"), time);

    private static string Kept(History history, params string[] ids) =>
        string.Join(' ', ids.Where(id => history.TryFind(Encoding.ASCII.GetBytes(id), out _)));
}
