using System.Globalization;
using System.Text;
using SseListener.Events;
using SseListener.Journal;

namespace SseListener.Tests;

/// <summary>What the rules of --keep leave in memory of events that are no longer kept, and what is still known of them.</summary>
public sealed class ForgettingByRules
{
    [Test]
    public void The_bytes_of_replaced_events_stay_for_those_who_are_still_to_be_sent_them_and_not_much_longer()
    {
        var history = new History(new Allowances(1, TimeSpan.FromHours(1), new KeepRule("p", 1000, Age: null, Events: 1)), _ => { });
        var log = new ChannelLog("p");
        for (var i = 1; i <= 2000; i++)
            history.Append(log, Frame(i), i, time: 0);

        bool IsThere(int i) => history.TryFind(Encoding.ASCII.GetBytes(Text(i)), out _);
        history.Trim(first: 1);
        Assert.That(Enumerable.Range(1, 2000), Is.All.Matches<int>(IsThere), "all of one batch");
        history.Trim(first: 2001);
        Assert.That((IsThere(1), IsThere(1000), IsThere(1999)), Is.EqualTo((false, false, true)), "256 KiB with what they cost");
        history.Expire(time: 10_000);
        Assert.That(IsThere(1999), "ten seconds");
        history.Expire(time: 10_001);
        Assert.That((IsThere(1999), IsThere(2000)), Is.EqualTo((false, true)));
        Assert.That(history.Kept.Events, Is.EqualTo(1));
    }

    [Test]
    public void However_little_is_kept_the_newest_event_is()
    {
        var history = new History(new Allowances(500, TimeSpan.FromHours(1)), _ => { });
        var (log, random) = (new ChannelLog("a"), new Random(1));
        for (var i = 1; i <= 2000; i++)
        {
            var frame = Encoding.ASCII.GetBytes($"data: {new string('x', random.Next(470))}\nid: {Text(i)}\n\n");
            history.Append(log, frame, i, time: 0);
            history.Trim(first: i + 1);
            Assert.That(history.TryFind(Encoding.ASCII.GetBytes(Text(i)), out _), $"{i}");
        }
    }

    [Test]
    public void A_replay_that_has_begun_gets_what_is_replaced_meanwhile()
    {
        var store = new EventStore(new HubLimits(1_000_000, TimeSpan.FromHours(1), 1000) { Rules = [new("p/*", null, null, 1)] });
        Append(store, "p/b", 1);
        Append(store, "p/a", 2);
        var before = store.Subscribe(new SubscribeRequest(new Selection(["p/*"], mayHear: null), Envelope.None, "earliest", Rewind: null))!;
        Append(store, "p/a", 3);
        var after = store.Subscribe(new SubscribeRequest(new Selection(["p/*"], mayHear: null), Envelope.None, "earliest", Rewind: null))!;
        Assert.That(Read(before), Is.EqualTo("data: 1\nid: 1\n\ndata: 2\nid: 2\n\ndata: 3\nid: 3\n\n"));
        Assert.That(Read(after), Is.EqualTo("data: 1\nid: 1\n\ndata: 3\nid: 3\n\n"));
    }

    [Test]
    public void What_is_known_of_millions_of_dropped_events_takes_no_room()
    {
        var store = new EventStore(new HubLimits(1_000_000, TimeSpan.FromHours(1), 1000) { Rules = [new("p/*", null, null, 1)] });
        Append(store, "orders", 1);
        for (var i = 2; i < 100_000; i++)
            Append(store, $"p/{i % 200}", i);

        var (indexed, cursor) = (0, store.History.LogIndex.After(0));
        for (; cursor.TryPeek(out _); cursor.Advance(1))
            indexed++;

        Assert.That(indexed, Is.LessThan(5000));
        Assert.That(store.History.Kept.Events, Is.EqualTo(201), "of 200 channels and orders");
        var request = new SubscribeRequest(new Selection(["orders"], mayHear: null), Envelope.None, "1", Rewind: null);
        Assert.That(store.Subscribe(request)!.HasGap, Is.False);
    }

    [Test]
    public void What_a_forgotten_channel_has_lost_is_known_of_its_kind()
    {
        var limits = new HubLimits(1_000_000, TimeSpan.FromHours(1), MaxChannels: 3) { Rules = [new("llm/*", null, null, 1), new("orders/*", null, null, 9)] };
        var store = new EventStore(limits);
        Append(store, "llm/gone", 1);
        Append(store, "llm/gone", 2);
        Append(store, "orders/1", 3);
        for (var i = 4; i < 10_000; i++)
            Append(store, $"llm/{i % 2}", i);

        Assert.That(store.Topics.FindChannel("llm/gone"), Is.Null, "it has given way");
        foreach (var (topic, place, hasGap) in (IEnumerable<(string, long, bool)>)[
            ("llm/gone", 0, true), ("llm/gone", 9_998, false), ("orders/1", 0, false), ("orders/*", 0, false), ("orders/new", 0, false), ("llm/*", 1, true)])
        {
            var subscription = store.Subscribe(new SubscribeRequest(new Selection([topic], mayHear: null), Envelope.None, store.Positions.Encode(place), Rewind: null))!;
            Assert.That(subscription.HasGap, Is.EqualTo(hasGap), $"{topic} at {place}");
            store.Unsubscribe(subscription);
            store.EndBatch(10_000);
        }
    }

    [Test]
    public void A_pattern_of_a_forgotten_channel_has_a_gap_though_all_that_is_left_is_newer()
    {
        var store = new EventStore(new HubLimits(1_000_000, TimeSpan.FromHours(1), MaxChannels: 2) { Rules = [new("llm/*", null, null, 1)] });
        store.Subscribe(new SubscribeRequest(new Selection(["orders"], mayHear: null), Envelope.None, LastEventId: null, Rewind: null));
        Append(store, "orders", 1);
        Append(store, "llm/a/1", 2);
        for (var i = 3; i < 10_000; i++)
            Append(store, "llm/b/1", i);

        var request = new SubscribeRequest(new Selection(["llm/a/*"], mayHear: null), Envelope.None, store.Positions.Encode(1), Rewind: null);
        Assert.That(store.Subscribe(request)!.HasGap);
    }

    [Test]
    public void What_channels_without_a_rule_have_lost_is_no_gap_for_a_pattern_that_a_rule_covers()
    {
        var store = new EventStore(new HubLimits(1000, TimeSpan.FromHours(1), MaxChannels: 9) { Rules = [new("llm/*", null, null, 9)] });
        for (var i = 1; i <= 100; i++)
            Append(store, "other", i);

        Append(store, "llm/1", 101);
        Assert.That(HasGap(store, "llm/*", store.Positions.Encode(0)), Is.False);
        Assert.That(HasGap(store, "llm/1/*", store.Positions.Encode(0)), Is.False);
        Assert.That(HasGap(store, "other/*", store.Positions.Encode(0)), Is.True, "nobody can tell");
    }

    // A publisher that tries again after the start sends the same event, not another one.
    [Test]
    public void An_event_of_which_one_channel_was_too_old_at_a_start_is_still_of_all()
    {
        var limits = new HubLimits(1_000_000, TimeSpan.FromDays(1), MaxChannels: 9) { Rules = [new("llm/*", null, TimeSpan.FromMinutes(10), null)] };
        var store = new EventStore(limits);
        new Restoration(store).Restore(1, "llm/1,orders", SteadyClock.Now - 3_600_000, Frame(1));
        Assert.That(store.History.TryFind("1"u8, out var kept));
        Assert.That((kept.Channel, store.History.ChannelsOf(kept)), Is.EqualTo(("orders", "llm/1,orders")));
    }

    // Its bytes are still there for those who are to be sent them.
    [Test]
    public void What_was_replaced_before_its_channel_was_forgotten_is_not_found_by_its_id()
    {
        var limits = new HubLimits(1_000_000, TimeSpan.FromDays(1), MaxChannels: 9) { Rules = [new("prices/*", null, null, Events: 1)] };
        var store = new EventStore(limits);
        var log = store.Topics.Open("prices/a");
        store.History.Append(log, Frame(1), 1, SteadyClock.Now);
        store.History.Append(log, Frame(2), 2, SteadyClock.Now);
        Assert.That(store.History.TryFind("1"u8, out _), Is.True);
        store.History.Forget(log, 3);
        Assert.That(store.History.TryFind("1"u8, out _), Is.False);
    }

    [Test]
    public void What_was_too_old_at_a_start_is_missing_of_its_own_kind_only()
    {
        var limits = new HubLimits(1_000_000, TimeSpan.FromDays(1), MaxChannels: 9) { Rules = [new("llm/*", null, TimeSpan.FromMinutes(10), null)] };
        var (store, now) = (new EventStore(limits), SteadyClock.Now);
        var restoration = new Restoration(store);
        restoration.Restore(1, "orders", now - 3_600_000, Frame(1));
        restoration.Restore(2, "llm/1", now - 3_600_000, Frame(2));
        restoration.Restore(3, "orders", now, Frame(3));
        Assert.That(HasGap(store, "llm/1", "1"), Is.True);
        Assert.That(HasGap(store, "orders", "1"), Is.False);
        Assert.That(HasGap(store, "others", "1"), Is.False);
    }

    [Test]
    public void Of_a_dropped_frame_only_its_line_is_left_which_is_no_frame_of_a_message()
    {
        var output = new System.Buffers.ArrayBufferWriter<byte>();
        JournalLine.WriteDropped(output, new JournalLine(Sequence: 7, "prices/a", Time: 1, Crc: 2, Following: 3));
        Assert.That(FoundFrame.FindAll(output.WrittenSpan, after: 0, end: 100), Has.Count.EqualTo(1));
        var found = FoundFrame.FindAll(output.WrittenSpan, after: 0, end: 100)[0];
        Assert.That((found.IsDropped, found.Line.Sequence, found.Line.Channels, found.Line.Following), Is.EqualTo((true, 7, "prices/a", 0)));
    }

    private static bool HasGap(EventStore store, string topic, string id)
    {
        var subscription = store.Subscribe(new SubscribeRequest(new Selection([topic], mayHear: null), Envelope.None, id, Rewind: null))!;
        store.Unsubscribe(subscription);
        return subscription.HasGap;
    }

    private static void Append(EventStore store, string channel, long sequence)
    {
        store.Apply(new Arrived([new ArrivedFrame(sequence, channel, SteadyClock.Now, Frame(sequence))], sequence, Lost: 0, Answers: [], IsNew: true), []);
        store.EndBatch(sequence);
    }

    private static string Read(Subscription subscription)
    {
        var (slice, text) = (new Slice(), "");
        for (var state = CursorState.SliceAndMore; state is CursorState.SliceAndMore;)
        {
            state = subscription.Feed.Fill(slice);
            text += Encoding.ASCII.GetString(slice.Bytes);
        }

        return text;
    }

    private static byte[] Frame(long number) => Encoding.ASCII.GetBytes($"data: {Text(number)}\nid: {Text(number)}\n\n");
    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
