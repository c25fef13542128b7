using System.Text;
using SseListener.Events;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>What a client of several channels is given, step by step.</summary>
public sealed class MergingFeeds
{
    private const int Limit = 16 * 1024;
    private readonly ChannelLog _a = new("a");
    private readonly ChannelLog _b = new("b");
    private History _history = null!;
    private long _sequence;

    [SetUp]
    public void Start()
    {
        _history = new History(new Allowances(1024 * 1024, TimeSpan.FromHours(1)), _ => { });
        _sequence = 0;
    }

    [Test]
    public void Nothing_is_read_before_all_that_comes_before_it_can_be_read()
    {
        var feed = Feed(Range(0, 0, 0), _a, _b);
        Append(_b, "2");
        Assert.That(Read(feed), Is.Empty);
        Assert.That(feed.IsCaughtUp);
        Append(_a, "3");
        _history.LogIndex.Publish();
        Assert.That(Read(feed), Is.EqualTo("data: 2\n\ndata: 3\n\n"));
        Append(_a, "4");
        Assert.That(Read(feed), Is.Empty);
    }

    [Test]
    public void A_long_search_gives_way_to_other_clients()
    {
        for (var i = 0; i < 10_000; i++)
            Append(_b, "1");

        Append(_a, "found");
        _history.LogIndex.Publish();
        var feed = Feed(Range(0, _sequence, 0), _a);
        var turns = 1;
        CursorState state;
        var slice = new Slice();
        while ((state = feed.Fill(slice)) is CursorState.SliceAndMore && slice.Length == 0)
            turns++;

        Assert.That((state, Encoding.ASCII.GetString(slice.Bytes)), Is.EqualTo((CursorState.Slice, "data: found\n\n")));
        Assert.That(turns, Is.EqualTo(10));
    }

    [Test]
    public void What_is_dropped_before_it_was_read_ends_the_client()
    {
        var feed = Feed(Range(0, 0, 0), _a, _b);
        Append(_a, "1");
        Append(_b, "2");
        _history.LogIndex.Publish();
        Assert.That(feed.IsLapped, Is.False);
        _history.Expire(long.MaxValue);
        Assert.That(feed.IsLapped);
        Assert.That(feed.Fill(new Slice()), Is.EqualTo(CursorState.Lapped));
    }

    [TestCase(false)]
    [TestCase(true)]
    public void What_is_dropped_in_the_middle_ends_the_client_behind_what_it_had(bool isEnveloped)
    {
        var feed = Feed(Range(0, 0, 0), isEnveloped, _a, _b);
        Append(_a, new string('x', 3 * Limit));
        _history.LogIndex.Publish();
        var slice = new Slice();
        Assert.That(feed.Fill(slice), Is.EqualTo(CursorState.SliceAndMore));
        Assert.That(slice.Length, Is.InRange(Limit, Limit + 100));
        Assert.That(feed.IsCaughtUp, Is.False, "a heartbeat would become a part of the data");
        _history.Expire(long.MaxValue);
        Assert.That(feed.IsLapped);
        Assert.That(feed.Fill(new Slice()), Is.EqualTo(CursorState.Lapped));
    }

    [Test]
    public void A_long_search_in_which_something_is_found_gives_way_too()
    {
        for (var i = 0; i < 10_000; i++)
            Append(i % 500 == 0 ? _a : _b, "1");

        var feed = Feed(Range(0, _sequence, 0), _a);
        var slice = new Slice();
        Assert.That(feed.Fill(slice), Is.EqualTo(CursorState.SliceAndMore));
        Assert.That(slice.Length / "data: 1\n\n".Length, Is.EqualTo(3));
    }

    [Test]
    public void What_was_lost_before_it_joined_does_not_end_it_and_what_is_lost_afterwards_does()
    {
        Append(_a, new string('x', 1000));
        Append(_b, "1");
        _history.Expire(long.MaxValue);
        Append(_a, "2");
        Append(_b, "3");
        _history.LogIndex.Publish();
        var range = Range(0, _sequence, _history.LogIndex.Drops);
        Assert.That(Read(Feed(range, _a, _b)), Is.EqualTo("data: 2\n\ndata: 3\n\n"));
        var slow = Feed(range, _a, _b);
        _history.Expire(long.MaxValue);
        Assert.That(slow.Fill(new Slice()), Is.EqualTo(CursorState.Lapped));
    }

    [Test]
    public void Once_caught_up_it_holds_nothing_of_what_it_has_read()
    {
        var first = AppendFirst();
        var feed = Feed(Range(0, _sequence, 0), _a);
        Assert.That(Read(feed), Is.EqualTo("data: 1\n\n"));
        Assert.That(feed.IsCaughtUp);
        for (var i = 0; i < 10; i++)
        {
            _history.Expire(long.MaxValue);
            Append(_b, "2");
        }

        GC.Collect();
        Assert.That(first.IsAlive, Is.False);
        GC.KeepAlive(feed);
    }

    // In a method of its own, which leaves no reference behind; to a channel that is forgotten.
    [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
    private WeakReference AppendFirst()
    {
        var forgotten = new ChannelLog("a");
        Append(forgotten, "1");
        _history.LogIndex.Publish();
        return new WeakReference(forgotten.First);
    }

    [Test]
    public void A_pattern_is_forgotten_with_its_last_client_and_not_before()
    {
        var table = new TopicTable(maxChannels: 1, new Allowances(1000, TimeSpan.FromHours(1)));
        var topics = table.Listen(["t/*"])!;
        Assert.That(table.Listen(["t/*"]), Is.Not.Null);
        table.StopListening(topics);
        table.RemoveIdle();
        var log = new ChannelLog("t/1/2");
        Assert.That(table.TopicsOf(log), Is.EqualTo((Topic[])[log, .. topics]));
        table.StopListening(topics);
        table.RemoveIdle();
        Assert.That(table.TopicsOf(log), Is.EqualTo((Topic[])[log]));
    }

    [Test]
    public void An_index_is_kept_up_only_while_a_client_merges()
    {
        Feed(Range(0, 0, 0), _a);
        Feed(Range(0, 0, 0), _a);
        _a.CloseIndex();
        Assert.That(_a.FrameIndex, Is.Not.Null);
        _a.CloseIndex();
        Assert.That(_a.FrameIndex, Is.Null);
    }

    [Test]
    public async Task A_client_that_leaves_closes_its_indexes()
    {
        using var hub = new EventHub(new HubLimits(HistoryBytes: 1000, TimeSpan.FromHours(1), MaxChannels: 10), PlayedLog.Ready, _ => { }, () => { });
        var running = hub.RunAsync();
        var request = new SubscribeRequest(new Selection(["a", "t/*"], mayHear: null), Envelope.None, LastEventId: null, Rewind: null);
        var subscription = (await hub.SubscribeAsync(request).WaitAsync(Support.Wait.Limit))!;
        Assert.That(subscription.Topics.Select(topic => topic.FrameIndex), Has.None.Null);
        hub.Unsubscribe(subscription);
        await hub.CompleteAsync(TimeSpan.Zero);
        await running.WaitAsync(Support.Wait.Limit);
        Assert.That(subscription.Topics.Select(topic => topic.FrameIndex), Is.All.Null);
    }

    private MergedFeed Feed(ReplayRange range, params ChannelLog[] logs) => Feed(range, isEnveloped: false, logs);

    private MergedFeed Feed(ReplayRange range, bool isEnveloped, params ChannelLog[] logs) =>
        new(
            _history.LogIndex,
            new HubCounts(),
            new Selection([.. logs.Select(log => log.Name)], mayHear: null),
            [.. logs.Select(log => log.OpenIndex().End)],
            range,
            isEnveloped ? Envelope.Channel : Envelope.None);

    private void Append(ChannelLog log, string data)
    {
        var position = _history.Append(log, Encoding.ASCII.GetBytes($"data: {data}\n\n"), ++_sequence, time: 0);
        log.FrameIndex?.Append(position);
    }

    private static ReplayRange Range(long after, long through, long drops) =>
        new(new Beginning(after, HasGap: false, Channels: null), through, drops);

    private static string Read(MergedFeed feed)
    {
        var slice = new Slice();
        feed.Fill(slice);
        return Encoding.ASCII.GetString(slice.Bytes);
    }
}
