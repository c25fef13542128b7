using System.Globalization;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>What is no longer kept, in memory and on disk, by its size and by its age.</summary>
public sealed class LeavingHistory
{
    [Test]
    public async Task Files_roll_and_go_when_all_in_them_is_outside_history()
    {
        using var folder = new TempFolder();
        var data = new string('x', 10_000);
        await using (var server = KeepingHistory.Start(folder, o => o with { History = 200_000 }))
        {
            for (var i = 0; i < 60; i++)
                await server.PublishAsync($$"""{"data":"{{i}} {{data}}"}""");

            // 600 KB in files of 64 KiB, of which the last 200,000 bytes are history.
            await Wait.UntilAsync(() => folder.Journals.Length <= 5, "the files of what is no longer kept are still there");
            Assert.That(folder.JournalTexts.Sum(text => text.Length), Is.GreaterThan(200_000));
        }

        await using var again = KeepingHistory.Start(folder, o => o with { History = 200_000 });
        await using var all = await again.SubscribeAsync("?lastEventId=earliest");
        var first = int.Parse((await all.NextAsync()).Data[1..].Split(' ')[0], CultureInfo.InvariantCulture);
        Assert.That(first, Is.InRange(38, 44));
        for (var i = first + 1; i < 60; i++)
            Assert.That((await all.NextAsync()).Data, Does.StartWith($"\"{i} "));
    }

    // What is published again is not written again, and must not count as if it were.
    [Test]
    public async Task Retries_do_not_push_anything_out_of_the_journal()
    {
        using var folder = new TempFolder();
        var data = new string('x', 20_000);
        var batch = string.Join('\n', Enumerable.Range(0, 5).Select(i => $$"""{"data":"{{data}}","id":"again{{i}}"}"""));
        await using (var server = KeepingHistory.Start(folder, o => o with { History = 1_000_000 }))
        {
            for (var i = 0; i < 20; i++)
                await server.PublishAsync($$"""{"data":"{{i}} {{data}}"}""");

            for (var i = 0; i < 20; i++)
            {
                using var answer = await server.PostAsync("/events", "application/x-ndjson", batch + $$"""{{"\n"}}{"data":{{i}}}""");
                Assert.That(answer.IsSuccessStatusCode, Is.True);
            }
        }

        await using var again = KeepingHistory.Start(folder, o => o with { History = 1_000_000 });
        await using var all = await again.SubscribeAsync("?lastEventId=earliest");
        for (var i = 0; i < 20; i++)
            Assert.That((await all.NextAsync()).Data, Does.StartWith($"\"{i} "));
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task What_is_too_old_is_kept_neither_in_memory_nor_on_disk(bool onDisk)
    {
        using var folder = new TempFolder();
        await using var server = TestServer.Start(o => o with { Data = onDisk ? folder.Path : null, HistoryAge = TimeSpan.FromSeconds(3) });
        await using var live = await server.SubscribeAsync();
        await server.PublishAsync("""{"data":"old","id":"order-1"}""");
        await Wait.UntilAsync(() => TryPublishAsync(server, """{"data":"new","id":"order-1"}"""), "its id is still taken");
        await using var client = await server.SubscribeAsync("?lastEventId=earliest");
        Assert.That((await client.NextAsync()).Data, Is.EqualTo("\"new\""));
        Assert.That(await live.NextDataAsync(2), Is.EqualTo((List<string>)["\"old\"", "\"new\""]));
        await Wait.UntilAsync(() => !folder.JournalTexts.Any(text => text.Contains("old", StringComparison.Ordinal)), "it is still on the disk");
    }

    [Test]
    public async Task What_is_too_old_goes_from_the_disk_also_when_nothing_new_comes()
    {
        using var folder = new TempFolder();
        await using (var server = KeepingHistory.Start(folder, o => o with { HistoryAge = TimeSpan.FromMilliseconds(200) }))
        {
            await server.PublishAsync("""{"data":1}""");
            await Wait.UntilAsync(() => folder.JournalTexts.All(text => text.Length == 0), "it is still on the disk");
        }

        await KeepingHistory.PublishAsync(folder, 2);
        Assert.That(await File.ReadAllTextAsync(folder.Journals[^1]), Does.Match("^: [0-9]{10,} default "), "the number goes on, far behind");
    }

    [Test]
    public async Task A_restart_does_not_bring_back_what_is_too_old()
    {
        using var folder = new TempFolder();
        var hour = DateTimeOffset.UtcNow.AddHours(-1).ToUnixTimeMilliseconds();
        await File.WriteAllTextAsync(folder.Path + "/journal-00000000000000000001.sse", JournalText.Event(1, "old", "a", hour));
        await using var server = KeepingHistory.Start(folder, o => o with { HistoryAge = TimeSpan.FromMinutes(59) });
        await using var client = await server.SubscribeAsync("?lastEventId=earliest");
        await server.PublishAsync("""{"data":2}""");
        Assert.That((await client.NextAsync()).Data, Is.EqualTo("2"));
    }

    private static async Task<bool> TryPublishAsync(TestServer server, string json)
    {
        using var answer = await server.PostAsync("/events", "application/json", json);
        return answer.IsSuccessStatusCode;
    }
}
