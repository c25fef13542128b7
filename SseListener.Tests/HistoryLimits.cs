using System.Text;
using SseListener.Events;

namespace SseListener.Tests;

/// <summary>What history drops, by the clock: times are in milliseconds.</summary>
public sealed class HistoryLimits
{
    private static readonly TimeSpan _age = TimeSpan.FromSeconds(16);
    private long _sequence;

    [SetUp]
    public void Start() => _sequence = 0;

    [Test]
    public void Events_go_at_their_own_age_though_others_of_their_channel_stay()
    {
        var history = new History(new Allowances(100_000, _age), _ => { });
        var log = new ChannelLog("a");
        Append(history, log, "1", time: 0);
        Append(history, log, "2", time: 2000);
        history.Expire(time: 17_000);
        Assert.That(Kept(history, "1", "2"), Is.EqualTo("2"));
    }

    [Test]
    public void A_large_first_event_goes_too_and_its_channel_is_empty()
    {
        var emptied = new List<ChannelLog>();
        var history = new History(new Allowances(100_000, _age), emptied.Add);
        var log = new ChannelLog("a");
        Append(history, log, "1", time: 0, size: 2000);
        history.Expire(time: 16_001);
        Assert.That(Kept(history, "1"), Is.Empty);
        Assert.That(emptied, Is.EqualTo((ChannelLog[])[log]));
        Assert.That(log.IsEmpty);
    }

    [Test]
    public void What_has_gone_by_age_does_not_go_by_size_once_more()
    {
        var history = new History(new Allowances(3000, _age), _ => { });
        var (a, b) = (new ChannelLog("a"), new ChannelLog("b"));
        Append(history, b, "b1", time: 0);
        Append(history, a, "a1", time: 5000, size: 400);
        Append(history, a, "a2", time: 5000, size: 400);
        Append(history, b, "b2", time: 9000);
        history.Expire(time: 17_000);
        Assert.That(Kept(history, "a1", "a2", "b1", "b2"), Is.EqualTo("a1 a2 b2"));
        for (var i = 0; i < 4; i++)
            Append(history, a, $"x{i}", time: 17_000, size: 600);

        // 400 and 600 bytes twice are too much by one event now, and by another when b1 is counted, which has gone.
        Assert.That(Kept(history, "a1", "a2", "b2", "x0"), Is.EqualTo("a2 b2 x0"));
    }

    [Test]
    public void Of_channels_of_one_event_each_the_oldest_go_first()
    {
        var history = new History(new Allowances(10_000, _age), _ => { });
        for (var i = 0; i < 1000; i++)
            Append(history, new ChannelLog($"{i}"), $"{i}", time: 0, size: 84);

        // A frame of 100 bytes, all in all, less what the id has of more than one digit.
        var kept = Enumerable.Range(0, 1000).Count(i => Kept(history, $"{i}").Length > 0);
        Assert.That(kept, Is.InRange(90, 100));
        Assert.That(Kept(history, $"{1000 - kept}", $"{999 - kept}"), Is.EqualTo($"{1000 - kept}"));
    }

    [Test]
    public void A_quiet_channels_newest_events_stay_while_a_busy_ones_older_events_go()
    {
        var history = new History(new Allowances(64 * 1024, _age), _ => { });
        var (quiet, busy) = (new ChannelLog("quiet"), new ChannelLog("busy"));

        // So that its next segment has room for all that follows.
        Append(history, quiet, "large", time: 0, size: 4000);
        for (var i = 0; i < 2000; i++)
        {
            Append(history, busy, $"b{i}", time: 0, size: 82);
            if (i % 100 == 0)
                Append(history, quiet, $"q{i}", time: 0);
        }

        Assert.That(Kept(history, "q1900", "q1800", "q1500"), Is.EqualTo("q1900 q1800 q1500"));
        Assert.That(Kept(history, "b1500", "q1300", "q1200", "b1200"), Is.EqualTo("b1500"));
    }

    [Test]
    public void What_is_still_to_be_delivered_stays()
    {
        var history = new History(new Allowances(100, _age), _ => { });
        for (var i = 1; i <= 3; i++)
            history.Append(new ChannelLog($"{i}"), Encoding.ASCII.GetBytes($"data: {new string('x', 80)}\nid: {i}\n\n"), sequence: i, time: 0);

        history.Trim(first: 2);
        Assert.That(Kept(history, "1", "2", "3"), Is.EqualTo("2 3"));
        history.Trim(first: 4);
        Assert.That(Kept(history, "1", "2", "3"), Is.EqualTo("3"));
    }

    [Test]
    public void A_segment_that_ends_early_gives_back_what_it_did_not_fill()
    {
        var history = new History(new Allowances(100_000, _age), _ => { });
        var log = new ChannelLog("a");
        Append(history, log, "1", time: 0, size: 4000);
        Append(history, log, "2", time: 0);
        Append(history, log, "3", time: 2000);
        var second = log.First.Next!;
        Assert.That(second.Capacity, Is.EqualTo(second.Length));
        Assert.That(second.Next!.Capacity, Is.EqualTo(128));
    }

    [Test]
    public void What_has_gone_is_let_go_of()
    {
        var history = new History(new Allowances(100_000, _age), _ => { });
        Append(history, new ChannelLog("a"), "1", time: 0);
        history.Expire(time: 17_000);
        Assert.That(history.LogIndex.BeforeOldestKept, Is.EqualTo(history.LogIndex.Last));
    }

    [Test]
    public void Much_that_is_too_old_goes_little_by_little()
    {
        var history = new History(new Allowances(10_000_000, _age), _ => { });
        for (var i = 0; i < 5000; i++)
            Append(history, new ChannelLog($"{i}"), $"{i}", time: 0);

        Assert.That(history.Expire(time: 17_000), Is.True);
        Assert.That(Kept(history, "1999", "2000", "4999"), Is.EqualTo("2000 4999"));
        Assert.That(history.Expire(time: 17_000), Is.True);
        Assert.That(history.Expire(time: 17_000), Is.False);
        Assert.That(Kept(history, "4999"), Is.Empty);
    }

    [Test]
    public void Where_the_clock_was_set_back_a_channels_segments_still_go_in_their_order()
    {
        var history = new History(new Allowances(100_000, _age), _ => { });
        var log = new ChannelLog("a");
        Append(history, log, "1", time: 0);
        Append(history, log, "2", time: 900);
        Append(history, log, "3", time: 100, size: 1000);
        history.Expire(time: 16_500);
        Assert.That(Kept(history, "1", "2", "3"), Is.EqualTo("1 2 3"));
        history.Expire(time: 17_000);
        Assert.That(Kept(history, "1", "2", "3"), Is.Empty);
    }

    [Test]
    public void Where_the_clock_was_set_back_nothing_younger_goes_with_what_is_too_old()
    {
        var history = new History(new Allowances(100_000, _age), _ => { });
        var log = new ChannelLog("a");
        Append(history, log, "1", time: 100_000, size: 2000);
        Append(history, log, "2", time: 0, size: 2000);
        history.Expire(time: 17_000);
        Assert.That(Kept(history, "1", "2"), Does.StartWith("1"));
        history.Expire(time: 120_000);
        Assert.That(Kept(history, "1", "2"), Is.Empty);
    }

    private void Append(History history, ChannelLog log, string id, long time, int size = 10)
    {
        history.Append(log, Encoding.ASCII.GetBytes($"data: {new string('x', size)}\nid: {id}\n\n"), ++_sequence, time);
        history.Trim(_sequence);
    }

    private static string Kept(History history, params string[] ids) =>
        string.Join(' ', ids.Where(id => history.TryFind(Encoding.ASCII.GetBytes(id), out _)));
}
