using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>What a position is worth after a restart: what it was, or a gap where something is lost.</summary>
public sealed class RestartingWithPlaces
{
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
            using var content = new StringContent("missed");
            using var published = await http.PostAsync(new Uri("/events?id=x", UriKind.Relative), content);
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
            await KeepingPlaces.PublishAsync(server, 1);
            before = folder.JournalTexts;
            await KeepingPlaces.PublishAsync(server, 2, 3);
            await using var client = await server.SubscribeAsync();
            position = client.LastEventId;
        }

        await File.WriteAllTextAsync(folder.Journals.Single(), before.Single());
        if (restartsTwice)
        {
            await using var between = KeepingHistory.Start(folder, o => o);
            await KeepingPlaces.PublishAsync(between, 4, 5);
        }

        await using var after = KeepingHistory.Start(folder, o => o);
        await KeepingPlaces.PublishAsync(after, 6, 7, 8);
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
            await KeepingPlaces.PublishAsync(server, 1, 2);
            await using var client = await server.SubscribeAsync();
            position = client.LastEventId;
            await KeepingPlaces.PublishAsync(server, 3);
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
            await KeepingPlaces.PublishAsync(server, 3, 4);
            await using var client = await server.SubscribeAsync();
            position = client.LastEventId;
        }

        Array.ForEach(folder.Journals, File.Delete);
        foreach (var (file, bytes) in copy)
            await File.WriteAllBytesAsync(file, bytes);

        await using var after = KeepingHistory.Start(folder, o => o);
        await KeepingPlaces.PublishAsync(after, 5, 6, 7, 8);
        await using var back = await after.SubscribeAsync(lastEventId: position);
        Assert.That((await back.NextAsync()).EventType, Is.EqualTo("gap"));
    }

    [Test]
    public async Task A_key_that_somebody_deletes_or_replaces_is_kept_again()
    {
        using var folder = new TempFolder();
        var key = Path.Combine(folder.Path, "key");
        await using var server = KeepingHistory.Start(folder, o => o);
        var before = await File.ReadAllBytesAsync(key);
        File.Delete(key);
        await Wait.UntilAsync(() => File.Exists(key), "it stays away");
        Assert.That(await File.ReadAllBytesAsync(key), Is.EqualTo(before));
        await File.WriteAllTextAsync(key + ".other", "of a copy");
        File.Move(key + ".other", key, overwrite: true);
        await Wait.UntilAsync(() => new FileInfo(key).Length == before.Length, "another one stays in its place");
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
        await KeepingPlaces.PublishAsync(last, 1);
        foreach (var position in positions)
        {
            await using var back = await last.SubscribeAsync(lastEventId: position);
            Assert.That((await back.NextAsync()).Data, Is.EqualTo("1"));
        }
    }
}
