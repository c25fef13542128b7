using SseListener.Delivery;
using SseListener.Events;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>What the roster remembers of joins and leaves, and for whom.</summary>
public sealed class KeepingRosters
{
    private const long Second = 1_000_000; // Microseconds.

    private readonly ChannelLog _room = new("room");

    [Test]
    public void It_finds_what_was_noted_since_a_moment_for_the_channels_of_a_client()
    {
        var roster = new Roster(isOn: true, margin: 0);
        roster.Note(new PresenceChange("before", null, ["room"], HasJoined: true));
        var moment = NextMoment();
        roster.Note(new PresenceChange("one", "ann", ["other", "room"], HasJoined: true));
        roster.Note(new PresenceChange("two", null, ["other"], HasJoined: true));
        roster.Note(new PresenceChange("self", null, ["room"], HasJoined: true));
        roster.Note(new PresenceChange("one", "ann", ["room"], HasJoined: false));
        var (changes, through) = roster.FindSince(moment, ClientOf("self"), most: 100);
        Assert.That(changes.Select(change => (change.Channel, change.Change.Client, change.Change.HasJoined)), Is.EqualTo(((Topic, string, bool)[])[(_room, "one", true), (_room, "one", false)]));
        Assert.That(through, Is.EqualTo(5));
        Assert.That(roster.FindSince(moment, ClientOf("self"), most: 1).Changes.Single().Change.HasJoined, Is.False, "the last ones count");
        Assert.That(roster.FindSince(NextMoment(), ClientOf("self"), most: 100).Changes, Is.Empty);
    }

    [TestCase(1024)]
    [TestCase(1025)]
    [TestCase(5000)]
    public void It_remembers_the_last_1024(int changes)
    {
        var roster = new Roster(isOn: true, margin: 0);
        for (var i = 0; i < changes; i++)
            roster.Note(new PresenceChange($"{i}", null, ["room"], HasJoined: true));

        var found = roster.FindSince(0, ClientOf("self"), most: int.MaxValue).Changes;
        Assert.That(found.Select(change => change.Change.Client), Is.EqualTo(Enumerable.Range(changes - 1024, 1024).Select(i => $"{i}")));
    }

    [Test]
    public void Where_clocks_may_differ_it_goes_back_further()
    {
        var roster = new Roster(isOn: true, margin: 5 * Second);
        roster.Note(new PresenceChange("one", null, ["room"], HasJoined: true));
        Assert.That(roster.FindSince(SteadyClock.Microseconds + (4 * Second), ClientOf("self"), most: 9).Changes, Has.Count.EqualTo(1));
        Assert.That(roster.FindSince(SteadyClock.Microseconds + (6 * Second), ClientOf("self"), most: 9).Changes, Is.Empty);
    }

    [Test]
    public void It_looks_at_a_thousand_clients_at_most()
    {
        var roster = new Roster(isOn: true, margin: 0);
        var lane = roster.AddLane();
        Topic[] many = [_room, .. Enumerable.Range(1, 10).Select(i => new ChannelLog($"c{i}"))];
        for (var i = 0; i < 999; i++)
            Assert.That(roster.Join(ClientOf($"many{i}", many), lane), Is.Null, "it is not announced");

        foreach (var id in (string[])["seen", "unseen"])
            Assert.That(roster.Join(ClientOf(id), lane), Is.Not.Null);

        Assert.That(roster.Describe(_room, most: 0).Members, Is.Empty);
        var look = roster.Describe(_room, most: 10);
        Assert.That((look.Clients, look.Members), Is.EqualTo((1001, (Member[])[new("seen", null)])));
    }

    [Test]
    public void Clients_of_one_user_share_its_name()
    {
        var roster = new Roster(isOn: true, margin: 0);
        var lane = roster.AddLane();
        Client[] clients = [ClientOf("one"), ClientOf("two")];
        foreach (var client in clients)
        {
            client.User = new string('x', 3);
            roster.Join(client, lane);
        }

        Assert.That(clients[1].User, Is.SameAs(clients[0].User));
        Assert.That(roster.Describe(_room, most: 10).Users, Is.EqualTo(1));
        Assert.That(roster.TryLeave(clients[0], lane, out _), Is.True);
        Assert.That(roster.TryLeave(clients[0], lane, out _), Is.False);
        Assert.That(roster.Describe(_room, most: 10).Users, Is.EqualTo(1));
        roster.TryLeave(clients[1], lane, out _);
        Assert.That(roster.Describe(_room, most: 10).Users, Is.Zero);
    }

    [Test]
    public void What_a_client_was_told_late_it_is_not_told_again()
    {
        var roster = new Roster(isOn: true, margin: 0);
        var lane = roster.AddLane();
        var presence = new Delivery.Presence(lane, LoneClient.LaneOptions with { PresenceLimit = 10 }, roster);
        var moment = NextMoment();
        var output = new RecordedOutput();
        var client = ClientOf("client", output: output, since: moment);
        var late = roster.Note(new PresenceChange("late", null, ["room"], HasJoined: true));
        presence.Enqueue(late, [_room]);
        roster.Join(client, lane);
        presence.TellMissed(client, now: 0);
        presence.Enqueue(roster.Note(new PresenceChange("new", null, ["room"], HasJoined: true)), [_room]);
        presence.TellClients(now: 0);
        Assert.That(output.Text.Split("event: join").Length - 1, Is.EqualTo(2));
        Assert.That(output.Text, Does.Contain("late").And.Contain("new"));
    }

    [Test]
    public void A_lane_tells_so_much_in_a_second_and_no_more_however_many_begin_at_an_answer()
    {
        var roster = new Roster(isOn: true, margin: 0);
        var presence = new Delivery.Presence(roster.AddLane(), LoneClient.LaneOptions with { PresenceLimit = 10 }, roster);
        for (var i = 0; i < 100; i++)
            roster.Note(new PresenceChange($"{i}", null, ["room"], HasJoined: true));

        var told = Enumerable.Range(0, 60).Select(_ => new RecordedOutput()).ToArray();
        foreach (var output in told)
            presence.TellMissed(ClientOf("client", output: output, since: 0), now: 0);

        Assert.That(told.Count(output => output.Sends == 1), Is.EqualTo(50));
    }

    [Test]
    public void A_position_may_say_a_moment_of_the_last_half_hour()
    {
        var cipher = new PositionCipher();
        foreach (var age in (long[])[0, 1, Second, 1799 * Second])
        {
            var moment = SteadyClock.Microseconds - age;
            var position = cipher.Encode(7, moment);
            Assert.That(cipher.TryDecode(position, out var place) ? place : 0, Is.EqualTo(7));
            Assert.That(cipher.MomentOf(position), Is.InRange(moment - 64, moment));
        }

        Assert.That(cipher.MomentOf(cipher.Encode(7, SteadyClock.Microseconds - (1900 * Second))), Is.Null);
        Assert.That(cipher.MomentOf(cipher.Encode(7, SteadyClock.Microseconds - (1L << 32))), Is.Null);

        Assert.That(cipher.MomentOf(cipher.Encode(7)), Is.Null);
        Assert.That(cipher.MomentOf("an id"), Is.Null);
        Assert.That(new PositionCipher().MomentOf(cipher.Encode(7, 7)), Is.Null, "of another log");
        Assert.That(((string[])[cipher.Encode(7), cipher.Encode(7)]).Distinct().Count(), Is.EqualTo(2), "it tells nothing");
    }

    private Client ClientOf(string id, Topic[]? topics = null, Output? output = null, long? since = null) => new(
        id, output ?? new RecordedOutput(), LoneClient.SubscriptionOf(topics ?? [_room], _room),
        new Lifetime(long.MaxValue, EndReason.MaxAge))
    {
        PresenceSince = since,
    };

    private static long NextMoment()
    {
        var now = SteadyClock.Microseconds;
        while (SteadyClock.Microseconds <= now)
            Thread.SpinWait(10);

        return SteadyClock.Microseconds;
    }
}
