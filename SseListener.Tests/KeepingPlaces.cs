using System.Security.Cryptography;
using SseListener.Events;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>The position that a client has from the first byte on, before it has had an event.</summary>
public sealed class KeepingPlaces
{
    private static readonly string[] _twoAndThree = ["2", "3"];
    private static readonly string[] _oneToThree = ["1", "2", "3"];

    [TestCase("")]
    [TestCase("?channel=default&channel=other")]
    [TestCase("?channel=default&envelope=0&channel=t/*")]
    public async Task A_client_that_has_had_no_event_misses_none(string query)
    {
        await using var server = TestServer.Start();
        await server.PublishAsync("""{"data":1}""");
        await using var client = await server.SubscribeAsync(query);
        var position = client.LastEventId;
        Assert.That(position, Does.Match("^@[A-Za-z0-9_-]{22}$"));
        await client.DisposeAsync();
        await PublishAsync(server, 2, 3);
        await using var back = await server.SubscribeAsync(query, position);
        Assert.That(back.LastEventId, Is.EqualTo(position), "it stands where it stood");
        Assert.That(await back.NextDataAsync(2), Is.EqualTo(_twoAndThree));
    }

    [Test]
    public async Task A_client_that_resumes_and_drops_again_before_its_first_event_has_its_place_still()
    {
        await using var server = TestServer.Start();
        var first = await server.PublishAsync("""{"data":1}""");
        await PublishAsync(server, 2, 3);
        await using var client = await server.SubscribeAsync(lastEventId: first);
        Assert.That(client.LastEventId, Does.StartWith("@"), "its own place, before what it missed");
        await using var again = await server.SubscribeAsync(lastEventId: client.LastEventId);
        Assert.That(await again.NextDataAsync(2), Is.EqualTo(_twoAndThree));
    }

    [TestCase("never-was")]
    [TestCase("earliest")]
    [TestCase("@o3vT0bq5nS1kZ8wYx2LdQg")]
    [TestCase("@")]
    [TestCase("@not base64")]
    [TestCase("@o3vT0bq5nS1kZ8wYx2LdQgAAAAAA")]
    [TestCase("@o3vT0bq5 nS1kZ8wYx2LdQg")]
    public async Task Behind_a_gap_there_is_a_place_too(string lastEventId)
    {
        await using var server = TestServer.Start();
        await PublishAsync(server, 1, 2, 3);
        await using var client = await server.SubscribeAsync(lastEventId: lastEventId);
        var position = client.LastEventId;
        Assert.That(position, Does.Match("^@[A-Za-z0-9_-]{22}$"));
        if (lastEventId != "earliest")
        {
            Assert.That((await client.NextAsync()).EventType, Is.EqualTo("gap"));
        }

        await using var back = await server.SubscribeAsync(lastEventId: position);
        Assert.That(await back.NextDataAsync(3), Is.EqualTo(_oneToThree));
    }

    [TestCase("TERM")]
    [TestCase("KILL")]
    public async Task It_holds_across_a_restart_with_a_journal(string signal)
    {
        using var folder = new TempFolder();
        var arguments = $"--data {folder.Path}";
        var (program, port) = await BuiltProgram.ListenAsync(arguments);
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}"), Timeout = Wait.Limit };
        string position;
        using (program)
        {
            await using var client = await EventStream.OpenAsync(http, "/events");
            position = client.LastEventId;
            using var published = await http.PostAsync(new Uri("/events?id=x", UriKind.Relative), new StringContent("missed"));
            published.EnsureSuccessStatusCode();
            program.Signal(signal);
            await program.EndAsync();
        }

        using var restarted = await BuiltProgram.ListenAgainAsync(port, arguments);
        await using var back = await EventStream.OpenAsync(http, "/events", position);
        Assert.That((await back.NextAsync()).Data, Is.EqualTo("missed"));
    }

    [Test]
    public async Task With_nothing_on_disk_a_restart_is_another_log()
    {
        string position;
        await using (var server = TestServer.Start())
        {
            await using var client = await server.SubscribeAsync();
            position = client.LastEventId;
        }

        await using var other = TestServer.Start();
        await using var back = await other.SubscribeAsync(lastEventId: position);
        var gap = await back.NextAsync();
        Assert.That((gap.EventType, gap.Data), Is.EqualTo(("gap", $$"""{"lastEventId":"{{position}}"}""")));
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task The_place_behind_events_that_a_power_cut_took_along_is_gone_also_when_there_are_as_many_new_ones(bool restartsTwice)
    {
        using var folder = new TempFolder();
        string[] before;
        string position;
        await using (var server = KeepingHistory.Start(folder, o => o))
        {
            await PublishAsync(server, 1);
            before = folder.JournalTexts;
            await PublishAsync(server, 2, 3);
            await using var client = await server.SubscribeAsync();
            position = client.LastEventId;
        }

        await File.WriteAllTextAsync(folder.Journals.Single(), before.Single());
        if (restartsTwice)
        {
            await using var between = KeepingHistory.Start(folder, o => o);
            await PublishAsync(between, 4, 5);
        }

        await using var after = KeepingHistory.Start(folder, o => o);
        await PublishAsync(after, 6, 7, 8);
        await using var back = await after.SubscribeAsync(lastEventId: position);
        Assert.That((await back.NextAsync()).EventType, Is.EqualTo("gap"));
        Assert.That((await back.NextAsync()).Data, Is.EqualTo("1"));
    }

    [Test]
    public async Task The_place_in_a_journal_whose_files_are_gone_is_gone_with_them()
    {
        using var folder = new TempFolder();
        string position;
        await using (var server = KeepingHistory.Start(folder, o => o))
        {
            await PublishAsync(server, 1, 2);
            await using var client = await server.SubscribeAsync();
            position = client.LastEventId;
            await PublishAsync(server, 3);
        }

        File.Delete(folder.Journals.Single());
        await using var after = KeepingHistory.Start(folder, o => o);
        await using var back = await after.SubscribeAsync(lastEventId: position);
        Assert.That((await back.NextAsync()).EventType, Is.EqualTo("gap"));
    }

    [Test]
    public async Task The_place_in_what_came_after_a_copy_was_made_is_unknown_once_the_copy_is_in_its_place()
    {
        using var folder = new TempFolder();
        await KeepingHistory.PublishAsync(folder, 1, 2);
        var copy = Directory.GetFiles(folder.Path).ToDictionary(file => file, File.ReadAllBytes);
        string position;
        await using (var server = KeepingHistory.Start(folder, o => o))
        {
            await PublishAsync(server, 3, 4);
            await using var client = await server.SubscribeAsync();
            position = client.LastEventId;
        }

        Array.ForEach(folder.Journals, File.Delete);
        foreach (var (file, bytes) in copy)
        {
            await File.WriteAllBytesAsync(file, bytes);
        }

        await using var after = KeepingHistory.Start(folder, o => o);
        await PublishAsync(after, 5, 6, 7, 8);
        await using var back = await after.SubscribeAsync(lastEventId: position);
        Assert.That((await back.NextAsync()).EventType, Is.EqualTo("gap"));
    }

    [Test]
    public async Task A_key_that_somebody_deletes_is_kept_again()
    {
        using var folder = new TempFolder();
        var key = Path.Combine(folder.Path, "key");
        await using var server = KeepingHistory.Start(folder, o => o);
        var before = await File.ReadAllBytesAsync(key);
        File.Delete(key);
        await Wait.UntilAsync(() => File.Exists(key), "it stays away");
        Assert.That(await File.ReadAllBytesAsync(key), Is.EqualTo(before));
    }

    [Test]
    public async Task Restarts_in_which_nothing_happens_leave_it_good()
    {
        using var folder = new TempFolder();
        var positions = new List<string>();
        for (var i = 0; i < 3; i++)
        {
            await using var server = KeepingHistory.Start(folder, o => o with { PresenceLimit = 0 });
            await using var client = await server.SubscribeAsync();
            positions.Add(client.LastEventId);
        }

        await using var last = KeepingHistory.Start(folder, o => o with { PresenceLimit = 0 });
        await PublishAsync(last, 1);
        foreach (var position in positions)
        {
            await using var back = await last.SubscribeAsync(lastEventId: position);
            Assert.That((await back.NextAsync()).Data, Is.EqualTo("1"));
        }
    }

    [Test]
    public async Task A_quiet_channel_has_no_gap_when_a_busy_one_has_pushed_out_only_its_own_history()
    {
        await using var server = TestServer.Start(o => o with { History = 64 * 1024, PresenceLimit = 0 });
        await using var quiet = await server.SubscribeAsync("?channel=quiet");
        await using var both = await server.SubscribeAsync("?channel=quiet&channel=busy");
        await using var pattern = await server.SubscribeAsync("?channel=b/*");
        await using var gone = await server.SubscribeAsync("?channel=gone");
        await gone.DisposeAsync();
        await Wait.UntilAsync(() => server.Server.Clients.Count == 3, "it is still there");
        await server.PublishAsync("""{"data":"nobody hears this"}""", "gone");
        for (var i = 0; i < 3000; i++)
        {
            await server.PublishAsync($$"""{"data":"{{new string('x', 100)}}"}""", "busy");
        }

        await quiet.DisposeAsync();
        var next = await server.PublishAsync("""{"data":"quiet"}""", "quiet");
        await using var back = await server.SubscribeAsync("?channel=quiet", quiet.LastEventId);
        Assert.That((await back.NextAsync()).EventId, Is.EqualTo(next));
        string[] lists = ["?channel=quiet&channel=busy", "?channel=b/*", "?channel=gone"];
        foreach (var (query, position) in lists.Zip([both.LastEventId, pattern.LastEventId, gone.LastEventId]))
        {
            await using var lost = await server.SubscribeAsync(query, position);
            Assert.That((await lost.NextAsync()).EventType, Is.EqualTo("gap"));
        }
    }

    [TestCase("application/json", "/events", """{"data":1,"id":"@mine"}""")]
    [TestCase("application/x-ndjson", "/events", """{"data":1,"id":"@"}""")]
    [TestCase("text/plain", "/events?id=%40mine", "1")]
    public async Task An_id_of_a_publisher_does_not_look_like_one(string type, string path, string body)
    {
        await using var server = TestServer.Start();
        using var answer = await server.PostAsync(path, type, body);
        await Problem.ExpectAsync(answer, 400, "Ids that begin with @ are the server's own.");
    }

    [Test]
    public void Positions_tell_nothing_and_are_known_by_their_own_log_only()
    {
        using var positions = new Positions(RandomNumberGenerator.GetBytes(Positions.KeySize));
        using var others = new Positions(RandomNumberGenerator.GetBytes(Positions.KeySize));
        var ids = Enumerable.Range(0, 1000).Select(i => positions.Encode(i / 2)).ToList();
        Assert.That(ids, Is.Unique, "not even whether anything came in between");
        Assert.That(ids.Select((id, i) => positions.TryDecode(id, out var place) && place == i / 2), Is.All.True);
        Assert.That(positions.TryDecode(ids[0].Insert(5, "\n\n"), out _), Is.False, "hello would end there");
        Assert.That(ids.Select(id => others.TryDecode(id, out _)), Is.All.False);
        Assert.That(ids.Select(id => positions.TryDecode(id[..^2] + (id[^2] == 'A' ? "B" : "A") + id[^1], out _)), Is.All.False);
    }

    private static async Task PublishAsync(TestServer server, params int[] numbers)
    {
        foreach (var number in numbers)
        {
            await server.PublishAsync($$"""{"data":{{number}}}""");
        }
    }
}
