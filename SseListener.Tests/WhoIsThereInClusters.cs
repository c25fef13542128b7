using System.Diagnostics;
using System.Text.Json;
using SseListener.Cluster;
using SseListener.Events;
using SseListener.Http;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>Who is on a channel, over two hubs on one NATS server.</summary>
public sealed class WhoIsThereInClusters
{
    // Of a hub that says nothing, and the rest of a round in which the others notice.
    private static readonly TimeSpan _longestGhost = TimeSpan.FromSeconds(20);

    // The answers of other hubs are waited for for two seconds.
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(1.8);

    [Test]
    public async Task Each_hub_tells_of_the_clients_and_users_of_both()
    {
        using var nats = await NatsServer.StartAsync();
        await using var a = ManyHubs.Hub(nats, WithTokens);
        await using var b = ManyHubs.Hub(nats, WithTokens);
        await using var annAtA = await a.SubscribeAsync("?channel=room&token=" + Jwt.For(user: "ann é"));
        await using var annAtB = await b.SubscribeAsync("?channel=room&token=" + Jwt.For(user: "ann é"));
        await using var bobAtB = await b.SubscribeAsync("?channel=room&token=" + Jwt.For(user: "bob"));
        await using var nobodyAtB = await b.SubscribeAsync("?channel=room");
        using var published = await b.SendAsync("POST", "/events?channel=room", ("Authorization", "Bearer " + Jwt.For(publish: ["*"])));
        string[] all = [$"{annAtA.ClientId} ann é", $"{annAtB.ClientId} ann é", $"{bobAtB.ClientId} bob", nobodyAtB.ClientId];
        foreach (var hub in (TestServer[])[a, b])
        {
            var answer = await ChannelAnswer.WhenAsync(hub, "room", answer => (answer.Clients, answer.Events) == (4, 1));
            Assert.That(answer.Members, Is.EquivalentTo(all));
            Assert.That(answer.Users, Is.EqualTo(2));
        }
    }

    [Test]
    public async Task Joins_and_leaves_name_the_user_at_the_other_hub()
    {
        using var nats = await NatsServer.StartAsync();
        await using var a = ManyHubs.Hub(nats, WithTokens);
        await using var b = ManyHubs.Hub(nats, WithTokens);
        await using var watcher = await a.SubscribeAsync("?channel=room");
        await HearsAsync(b, "room", 1);
        var client = await b.SubscribeAsync("?channel=room&token=" + Jwt.For(user: "an\"n"));
        Assert.That((await watcher.NextAsync()).Data, Is.EqualTo($$"""{"joined":"{{client.ClientId}}","user":"an\"n","clients":2}"""));
        await client.DisposeAsync();
        Assert.That((await watcher.NextAsync()).Data, Is.EqualTo($$"""{"left":"{{client.ClientId}}","user":"an\"n","clients":1}"""));
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task Who_asks_one_hub_and_begins_at_any_is_told_what_changed_since_at_both(bool sameHub)
    {
        using var nats = await NatsServer.StartAsync();
        await using var a = ManyHubs.Hub(nats);
        await using var b = ManyHubs.Hub(nats);
        var leavesA = await a.SubscribeAsync("?channel=room");
        var leavesB = await b.SubscribeAsync("?channel=room");
        var answer = await ChannelAnswer.WhenAsync(a, "room", answer => answer.Members!.Length == 2);
        await using var comesA = await a.SubscribeAsync("?channel=room");
        await using var comesB = await b.SubscribeAsync("?channel=room");
        await leavesA.DisposeAsync();
        await leavesB.DisposeAsync();
        foreach (var hub in (TestServer[])[a, b])
            await ChannelAnswer.WhenAsync(hub, "room", now => now.Members!.Length == 2 && now.Members.Contains(comesA.ClientId) && now.Members.Contains(comesB.ClientId));

        await using var client = await (sameHub ? a : b).SubscribeAsync("?channel=room", answer.Position);
        var members = answer.Members!.ToHashSet();
        for (var next = await client.NextAsync(); ; next = await client.NextAsync())
        {
            var change = JsonDocument.Parse(next.Data).RootElement;
            if (next.EventType is "join")
                members.Add(change.GetProperty("joined").GetString()!);
            else
                members.Remove(change.GetProperty("left").GetString()!);

            if (members.SetEquals([comesA.ClientId, comesB.ClientId]))
                break;
        }
    }

    [Test]
    public async Task A_channel_that_only_another_hub_has_clients_on_is_there()
    {
        using var nats = await NatsServer.StartAsync();
        await using var a = ManyHubs.Hub(nats, o => WithTokens(o) with { Private = ["secret/*"] });
        await using var b = ManyHubs.Hub(nats, o => WithTokens(o) with { Private = ["secret/*"] });
        await using var client = await b.SubscribeAsync("?channel=room/1&channel=secret/1&token=" + Jwt.For(subscribe: ["*"]));
        await HearsAsync(a, "secret/1", 1);
        var answer = await ChannelAnswer.OfAsync(a, "room/1");
        Assert.That((answer.Members, answer.Events), Is.EqualTo(((string[])[client.ClientId], 0)));
        Assert.That(await a.Http.GetStringAsync(new Uri("/channels", UriKind.Relative)), Is.EqualTo("""{"channels":["room/1"]}"""));
        using var refused = await a.SendAsync("GET", "/channels/secret/1");
        await Problem.ExpectAsync(refused, 404, "There is no channel with this name.");
        await client.DisposeAsync();
        await Wait.UntilAsync(async () => await a.Http.GetStringAsync(new Uri("/channels", UriKind.Relative)) == """{"channels":[]}""", "it is still there");
    }

    [Test]
    public async Task The_clients_of_a_hub_that_died_are_not_named_and_counted_for_ten_seconds_more()
    {
        using var nats = await NatsServer.StartAsync();
        await using var a = ManyHubs.Hub(nats);
        var (program, port) = await BuiltProgram.ListenAsync($"--data none --cluster {nats.Address} --cluster-replicas 1");
        using var dying = program;
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}/") };
        await using var here = await a.SubscribeAsync("?channel=room");
        await using var ghost = await EventStream.OpenAsync(http, "/events?channel=room");
        await ChannelAnswer.WhenAsync(a, "room", answer => answer.Members!.Length == 2);
        dying.Signal("KILL");
        await dying.EndAsync();
        var answer = await ChannelAnswer.OfAsync(a, "room");
        Assert.That((answer.Clients, answer.Members), Is.EqualTo((2, (string[])[here.ClientId])));
        await Wait.UntilAsync(async () => (await ChannelAnswer.OfAsync(a, "room")).Clients == 1, "it is still counted", _longestGhost);
    }

    [Test]
    public async Task However_many_ask_only_some_wait_for_a_hub_that_is_silent()
    {
        using var nats = await NatsServer.StartAsync();
        await using var a = ManyHubs.Hub(nats);
        var (program, port) = await BuiltProgram.ListenAsync($"--data none --cluster {nats.Address} --cluster-replicas 1");
        using var silent = program;
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}/") };
        await using var there = await EventStream.OpenAsync(http, "/events?channel=room");
        await HearsAsync(a, "room", 1);
        silent.Signal("STOP");
        var fastest = TimeSpan.MaxValue;
        for (var round = 0; round < 3 && fastest > _patience; round++)
        {
            var began = Stopwatch.GetTimestamp();
            var answers = Enumerable.Range(0, 100).Select(_ => ChannelAnswer.OfAsync(a, "room")).ToArray();
            await Task.WhenAny(answers);
            fastest = Stopwatch.GetElapsedTime(began);
            Assert.That((await Task.WhenAll(answers)).Select(answer => answer.Clients), Is.All.EqualTo(1));
        }

        Assert.That(fastest, Is.LessThan(_patience));
        silent.Signal("CONT");
    }

    [Test]
    public async Task The_limit_of_those_who_are_named_is_one_of_all_hubs()
    {
        using var nats = await NatsServer.StartAsync();
        await using var a = ManyHubs.Hub(nats, o => o with { PresenceLimit = 1 });
        await using var b = ManyHubs.Hub(nats, o => o with { PresenceLimit = 1 });
        await using var atA = await a.SubscribeAsync("?channel=room");
        await using var atB = await b.SubscribeAsync("?channel=room");
        await HearsAsync(a, "room", 1);
        var answer = await ChannelAnswer.OfAsync(a, "room");
        Assert.That((answer.Clients, answer.Members!.Length), Is.EqualTo((2, 1)));
    }

    [Test]
    public async Task Presence_that_is_off_asks_nobody()
    {
        using var nats = await NatsServer.StartAsync();
        await using var a = ManyHubs.Hub(nats, o => o with { PresenceLimit = 0 });
        await using var b = ManyHubs.Hub(nats, o => o with { PresenceLimit = 0 });
        await using var client = await b.SubscribeAsync("?channel=room");
        await HearsAsync(a, "room", 1);
        Assert.That((await ChannelAnswer.OfAsync(a, "room")).Clients, Is.Null);
    }

    [Test]
    public void A_user_counts_once_however_many_hubs_name_it()
    {
        var sum = Attendance.Sum([
            new Attendance(3, 2, [new("1", "ann"), new("2", "ann"), new("3", "bob")]),
            new Attendance(4, 2, [new("4", "ann"), new("5", "cid"), new("6", null)]),
            new Attendance(500, 400, [])]);
        Assert.That((sum.Clients, sum.Users, sum.Members.Count), Is.EqualTo((507, 403, 6)));
    }

    [Test]
    public void What_hubs_answer_each_other_is_plain_and_bounded()
    {
        var sent = new AttendanceMessage("h", new Attendance(3, 1, [new("one", "an \n\"n"), new("two", null)]));
        Assert.That(AttendanceMessage.TryParse(sent.ToString(), out var heard), Is.True);
        Assert.That((heard!.Hub, heard.Attendance.Clients, heard.Attendance.Users), Is.EqualTo(("h", 3, 1)));
        Assert.That(heard.Attendance.Members, Is.EqualTo(sent.Attendance.Members));
        var longest = PresenceSubject.Write("c", new string('x', 128));
        Assert.That(AttendanceMessage.TryParse($"h 1 1\n{longest}", out _), Is.True);
        var tooLong = PresenceSubject.Write("c", new string('x', 129));
        foreach (var text in (string[])["", "h 1", "h -1 0", "h 1 1000001", "h 1 1\n", "h 1 1\n\"},", "h 1 1\nc !", "h 1 1\nc ", "h 1 1\nc YQ YQ", $"h 1 1\n{tooLong}", $"h 1 1\n{new string('c', 41)}"])
            Assert.That(AttendanceMessage.TryParse(text, out _), Is.False, text);

        var join = new PresenceMessage("h", PresenceKind.Join, "c", "ann", [("x", 1)]);
        Assert.That(PresenceMessage.TryParse(join.ToString(), out var joined) ? joined.User : null, Is.EqualTo("ann"));
        Assert.That(PresenceMessage.TryParse("h Join c !\nx 1", out _), Is.False);
    }

    [Test]
    public void What_is_no_name_is_not_listed_whoever_sends_it()
    {
        var counts = new ClientCounts(TimeSpan.FromSeconds(10));
        counts.Hear(new PresenceMessage("h", PresenceKind.Join, "c", User: null, [("b", 1), ("\"},", 1), ("a/*", 1), ("a", 1)]), now: 0);
        counts.Hear(new PresenceMessage("i", PresenceKind.Join, "c", User: null, [("a", 1), ("c", 1)]), now: 0);
        Assert.That(counts.FindNames("", "", 2), Is.EqualTo((string[])["a", "b"]));
        Assert.That(counts.FindNames("", "b\0", 2), Is.EqualTo((string[])["c"]));
        counts.Hear(new PresenceMessage("i", PresenceKind.Leave, "c", User: null, [("c", 0)]), now: 0);
        Assert.That(counts.FindNames("", "b\0", 2), Is.Empty);
    }

    [Test]
    public void A_join_or_leave_counts_although_numbers_that_were_counted_before_it_come_after_it()
    {
        var counts = new ClientCounts(TimeSpan.FromSeconds(10));
        void Hear(PresenceKind kind, string subject, params (string Channel, int Clients)[] told) =>
            counts.Hear(new PresenceMessage("h", kind, subject, User: null, told), now: 0);
        int[] Counted() => [.. ((string[])["more", "gone", "new", "late"]).Select(counts.Of)];

        Hear(PresenceKind.Numbers, "first", ("more", 1), ("gone", 1));
        Hear(PresenceKind.NumbersEnd, "-");
        Hear(PresenceKind.Join, "c", ("more", 2), ("new", 1));
        Hear(PresenceKind.Leave, "d", ("gone", 0));
        Hear(PresenceKind.Numbers, "first", ("more", 1));
        Hear(PresenceKind.Join, "e", ("late", 2));
        Hear(PresenceKind.Numbers, "more", ("gone", 1), ("late", 1));
        Hear(PresenceKind.NumbersEnd, "-");
        Assert.That(Counted(), Is.EqualTo((int[])[2, 0, 1, 2]));
        Assert.That(counts.FindNames("", "", 10), Is.EqualTo((string[])["late", "more", "new"]));

        // The leaves were lost: after two rounds without the channels nobody is there.
        for (var round = 0; round < 2; round++)
        {
            Hear(PresenceKind.Numbers, "first");
            Hear(PresenceKind.NumbersEnd, "-");
        }

        Assert.That(Counted(), Is.EqualTo((int[])[0, 0, 0, 0]));
        Assert.That(counts.FindNames("", "", 10), Is.Empty);
    }

    private static Task HearsAsync(TestServer hub, string channel, int clients) =>
        Wait.UntilAsync(() => hub.Server.ClientsElsewhere(channel) == clients, $"it does not hear of {clients} clients");

    private static ServerOptions WithTokens(ServerOptions options) => options with { JwtKey = SignedTokens.Key(Jwt.Secret) };
}
