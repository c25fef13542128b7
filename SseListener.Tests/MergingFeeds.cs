using System.Text;
using SseListener.Events;

namespace SseListener.Tests;

/// <summary>What a client of several channels is given, step by step.</summary>
public sealed class MergingFeeds
{
    private const int Limit = 64 * 1024;
    private readonly ChannelLog _a = new("a");
    private readonly ChannelLog _b = new("b");
    private History _history = null!;
    private long _sequence;

    [SetUp]
    public void Start()
    {
        _history = new History(limit: 1024 * 1024, TimeSpan.FromHours(1), _ => { });
        _sequence = 0;
    }

    [Test]
    public void Nothing_is_taken_before_all_that_comes_before_it_can_be_read()
    {
        var feed = Feed(new Missed(0, 0, 0), _a, _b);
        Append(_b, "2");
        Assert.That(Take(feed), Is.Empty);
        Assert.That(feed.IsCaughtUp);
        Append(_a, "3");
        _history.Timeline.Publish();
        Assert.That(Take(feed), Is.EqualTo("data: 2\n\ndata: 3\n\n"));
        Append(_a, "4");
        Assert.That(Take(feed), Is.Empty);
    }

    [Test]
    public void A_long_search_gives_way_to_other_clients()
    {
        for (var i = 0; i < 10_000; i++)
        {
            Append(_b, "1");
        }

        Append(_a, "found");
        _history.Timeline.Publish();
        var feed = Feed(new Missed(0, _sequence, 0), _a);
        var turns = 1;
        CursorState state;
        ArraySegment<byte> slice;
        while ((state = feed.Take(Limit, out slice)) is CursorState.SliceAndMore && slice.Count == 0)
        {
            turns++;
        }

        Assert.That((state, Encoding.ASCII.GetString(slice)), Is.EqualTo((CursorState.Slice, "data: found\n\n")));
        Assert.That(turns, Is.EqualTo(3));
    }

    [Test]
    public void What_is_dropped_before_it_was_taken_ends_the_client()
    {
        var feed = Feed(new Missed(0, 0, 0), _a, _b);
        Append(_a, "1");
        Append(_b, "2");
        _history.Timeline.Publish();
        Assert.That(feed.IsLapped, Is.False);
        _history.Expire(long.MaxValue);
        Assert.That(feed.IsLapped);
        Assert.That(feed.Take(Limit, out _), Is.EqualTo(CursorState.Lapped));
    }

    [TestCase(false)]
    [TestCase(true)]
    public void What_is_dropped_in_the_middle_ends_the_client_behind_what_it_had(bool isEnveloped)
    {
        var feed = Feed(new Missed(0, 0, 0), isEnveloped, _a, _b);
        Append(_a, new string('x', 3 * Limit));
        _history.Timeline.Publish();
        Assert.That(feed.Take(Limit, out var slice), Is.EqualTo(CursorState.SliceAndMore));
        Assert.That(slice.Count, Is.InRange(Limit, Limit + 100));
        Assert.That(feed.IsCaughtUp, Is.False, "a heartbeat would become a part of the data");
        feed.Written();
        _history.Expire(long.MaxValue);
        Assert.That(feed.IsLapped);
        Assert.That(feed.Take(Limit, out _), Is.EqualTo(CursorState.Lapped));
    }

    [Test]
    public void What_was_known_to_be_lost_does_not_end_it()
    {
        Append(_a, new string('x', 1000));
        Append(_b, "1");
        _history.Expire(long.MaxValue);
        Append(_a, "2");
        _history.Timeline.Publish();
        Assert.That(Take(Feed(new Missed(0, _sequence, _history.Timeline.LastDropped), _a, _b)), Is.EqualTo("data: 2\n\n"));
    }

    [Test]
    public void A_pattern_is_forgotten_with_its_last_client_and_not_before()
    {
        var table = new TopicTable(maxChannels: 1);
        Assert.That(table.TryOpen(["t/*"], out var topics));
        var pattern = (Pattern)topics!.Single();
        pattern.Listeners = 1;
        table.Close(pattern);
        Assert.That(table.PatternsOver("t/1/2"), Is.EqualTo((Pattern[])[pattern]));
        pattern.Listeners = 0;
        table.Close(pattern);
        Assert.That(table.PatternsOver("t/1/2"), Is.Empty);
    }

    [Test]
    public void A_trail_is_kept_up_only_while_somebody_merges()
    {
        Feed(new Missed(0, 0, 0), _a);
        Feed(new Missed(0, 0, 0), _a);
        _a.CloseTrail();
        Assert.That(_a.Trail, Is.Not.Null);
        _a.CloseTrail();
        Assert.That(_a.Trail, Is.Null);
    }

    [Test]
    public async Task Who_leaves_takes_the_trails_along()
    {
        using var hub = new EventHub(new HubLimits(HistoryBytes: 1000, TimeSpan.FromHours(1), PresenceLimit: 0, MaxChannels: 10), _ => true, _ => { });
        var running = hub.RunAsync();
        var request = new SubscribeRequest("c", new Selection(["a", "t/*"], mayHear: null), IsEnveloped: false, LastEventId: null);
        var subscription = (SubscribeResult.Subscription)(await hub.SubscribeAsync(request).WaitAsync(Support.Wait.Limit))!;
        Assert.That(subscription.Topics.Select(topic => topic.Trail), Has.None.Null);
        hub.Unsubscribe(subscription, "c");
        hub.Complete();
        await running.WaitAsync(Support.Wait.Limit);
        Assert.That(subscription.Topics.Select(topic => topic.Trail), Is.All.Null);
    }

    private MergedFeed Feed(Missed missed, params ChannelLog[] logs) => Feed(missed, isEnveloped: false, logs);

    private MergedFeed Feed(Missed missed, bool isEnveloped, params ChannelLog[] logs) =>
        new(_history.Timeline, new Selection([.. logs.Select(log => log.Name)], mayHear: null), [.. logs.Select(log => log.OpenTrail().End)], missed, isEnveloped);

    private void Append(ChannelLog log, string data) =>
        log.Take(_history.Append(log, Encoding.ASCII.GetBytes($"data: {data}\n\n"), ++_sequence, time: 0));

    private static string Take(MergedFeed feed)
    {
        feed.Take(Limit, out var slice);
        return Encoding.ASCII.GetString(slice);
    }
}
