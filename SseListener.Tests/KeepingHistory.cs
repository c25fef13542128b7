using System.Net.ServerSentEvents;
using System.Text.RegularExpressions;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>What a restart keeps.</summary>
public sealed class KeepingHistory
{
    private static readonly string[] _twoAndThree = ["2", "3"];
    private static readonly string[] _oneToThree = ["1", "2", "3"];

    [Test]
    public async Task A_client_gets_what_it_missed_before_and_after_a_restart()
    {
        using var folder = new TempFolder();
        var ids = await PublishAsync(folder, 1, 2);
        await using var server = Start(folder);
        var next = await server.PublishAsync("""{"data":3}""");
        await using var client = await server.SubscribeAsync(lastEventId: ids[0]);
        Assert.That(await client.NextDataAsync(2), Is.EqualTo(_twoAndThree));
        Assert.That(client.LastEventId, Is.EqualTo(next));
        await using var all = await server.SubscribeAsync("?lastEventId=earliest");
        Assert.That(await all.NextDataAsync(3), Is.EqualTo(_oneToThree));
    }

    [Test]
    public async Task A_join_is_a_place_to_resume_from()
    {
        using var folder = new TempFolder();
        string join;
        await using (var server = Start(folder))
        {
            await using var first = await server.SubscribeAsync();
            await using var second = await server.SubscribeAsync();
            Assert.That((await first.NextAsync()).EventType, Is.EqualTo("join"));
            join = first.LastEventId;
            await server.PublishAsync("""{"data":1}""");
        }

        await using var again = Start(folder);
        await using var client = await again.SubscribeAsync(lastEventId: join);
        Assert.That((await client.NextAsync()).Data, Is.EqualTo("1"));
    }

    [Test]
    public async Task Without_a_folder_nothing_is_kept()
    {
        string id;
        await using (var server = TestServer.Start())
        {
            id = await server.PublishAsync("""{"data":1}""");
        }

        await using var again = TestServer.Start();
        await using var client = await again.SubscribeAsync(lastEventId: id);
        Assert.That((await client.NextAsync()).EventType, Is.EqualTo("gap"));
    }

    // What any parser makes of the files is what the clients got.
    [Test]
    public async Task The_files_are_event_streams_with_a_comment_before_each_event()
    {
        using var folder = new TempFolder();
        string id;
        await using (var server = Start(folder))
        {
            id = await server.PublishAsync("""{"type":"note","data":["ö\n: 1 default 2",{}]}""");
            using var text = await server.PostAsync("/events?id=x", "text/plain", "\n: 3 default 4\r\n\r\nend");
        }

        var file = folder.Journals.Single();
        await using var stream = File.OpenRead(file);
        var items = await SseParser.Create(stream).EnumerateAsync().ToListAsync();
        Assert.That(items.Select(item => (item.EventType, item.Data, item.EventId)), Is.EqualTo(((string, string, string?)[])
        [
            ("note", "[\"ö\\n: 1 default 2\",{}]", id),
            ("message", "\n: 3 default 4\n\nend", "x"),
        ]));
        var comments = (await File.ReadAllLinesAsync(file)).Where(line => line.StartsWith(':')).ToArray();
        Assert.That(comments, Has.Length.EqualTo(2));
        Assert.That(comments[0], Does.Match("^: 1 default [0-9]{13} [0-9a-f]{8} 0 [0-9a-f]{8}$"));
        Assert.That(comments[1], Does.StartWith(": 2 default "));
    }

    // CRC-32C of "123456789", RFC 3720's and everybody's check value.
    [Test]
    public void The_checksum_is_the_one_that_it_is_called() =>
        Assert.That(Journal.Crc32C.Of("123456789"u8), Is.EqualTo(0xE3069283));

    [Test]
    public async Task Numbers_go_on_where_they_were()
    {
        using var folder = new TempFolder();
        await PublishAsync(folder, 1, 2);
        await PublishAsync(folder, 3);
        var lines = folder.Journals.SelectMany(File.ReadAllLines).Where(line => line.StartsWith(':'));
        Assert.That(lines.Select(line => line.Split(' ')[1]), Is.EqualTo(_oneToThree));
    }

    [Test]
    public async Task Files_roll_and_go_when_all_in_them_is_outside_history()
    {
        using var folder = new TempFolder();
        var data = new string('x', 10_000);
        await using (var server = Start(folder, o => o with { History = 200_000 }))
        {
            for (var i = 0; i < 60; i++)
            {
                await server.PublishAsync($$"""{"data":"{{i}} {{data}}"}""");
            }

            // 600 KB in files of 64 KiB, of which the last 200,000 bytes are history.
            await Wait.UntilAsync(() => folder.Journals.Length <= 5, "the files of what is no longer kept are still there");
            Assert.That(folder.Journals.Sum(file => new FileInfo(file).Length), Is.GreaterThan(200_000));
        }

        await using var again = Start(folder, o => o with { History = 200_000 });
        await using var all = await again.SubscribeAsync("?lastEventId=earliest");
        var first = int.Parse((await all.NextAsync()).Data[1..].Split(' ')[0], Units.Culture);
        Assert.That(first, Is.InRange(38, 44));
        for (var i = first + 1; i < 60; i++)
        {
            Assert.That((await all.NextAsync()).Data, Does.StartWith($"\"{i} "));
        }
    }

    // What is published again is not written again, and must not count as if it were.
    [Test]
    public async Task Retries_do_not_push_anything_out_of_the_journal()
    {
        using var folder = new TempFolder();
        var data = new string('x', 20_000);
        var batch = string.Join('\n', Enumerable.Range(0, 5).Select(i => $$"""{"data":"{{data}}","id":"again{{i}}"}"""));
        await using (var server = Start(folder, o => o with { History = 1_000_000 }))
        {
            for (var i = 0; i < 20; i++)
            {
                await server.PublishAsync($$"""{"data":"{{i}} {{data}}"}""");
            }

            for (var i = 0; i < 20; i++)
            {
                using var answer = await server.PostAsync("/events", "application/x-ndjson", batch + $$"""{{"\n"}}{"data":{{i}}}""");
                Assert.That(answer.IsSuccessStatusCode, Is.True);
            }
        }

        await using var again = Start(folder, o => o with { History = 1_000_000 });
        await using var all = await again.SubscribeAsync("?lastEventId=earliest");
        for (var i = 0; i < 20; i++)
        {
            Assert.That((await all.NextAsync()).Data, Does.StartWith($"\"{i} "));
        }
    }

    // The disk keeps more than memory, so what is read back may have an id twice.
    [Test]
    public async Task An_id_that_was_used_again_means_the_later_event_also_after_a_restart()
    {
        using var folder = new TempFolder();
        string Frame(int number, string data, string id, long time)
        {
            var frame = $"data: {data}\nid: {id}\n\n";
            var line = $": {number} default {time} {Journal.Crc32C.Of(System.Text.Encoding.ASCII.GetBytes(frame)):x8} 0 ";
            return $"{line}{Journal.Crc32C.Of(System.Text.Encoding.ASCII.GetBytes(line)):x8}\n{frame}";
        }

        var now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        var frames = Enumerable.Range(3, 40).Select(i => Frame(i, new string('x', 200), $"x{i}", now));
        await File.WriteAllTextAsync(
            folder.Path + "/journal-00000000000000000001.sse",
            Frame(1, "old", "a", now) + Frame(2, "new", "a", now) + string.Concat(frames.Take(5)) + Frame(8, "last", "b", now));
        await using var server = Start(folder);
        await using var client = await server.SubscribeAsync(lastEventId: "a");
        Assert.That((await client.NextAsync()).EventId, Is.EqualTo("x3"));
        Assert.That(await server.PublishAsync("""{"data":"x","id":"b2"}"""), Is.EqualTo("b2"));
        using var retry = await server.PostAsync("/events?id=a", "text/plain", "new");
        Assert.That(retry.IsSuccessStatusCode, Is.True);
        using var conflict = await server.PostAsync("/events?id=a", "text/plain", "old");
        Assert.That((int)conflict.StatusCode, Is.EqualTo(409));
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task What_is_too_old_is_kept_neither_in_memory_nor_on_disk(bool onDisk)
    {
        using var folder = new TempFolder();
        await using var server = TestServer.Start(o => o with { Data = onDisk ? folder.Path : null, HistoryAge = TimeSpan.FromSeconds(1) });
        await using var live = await server.SubscribeAsync();
        await server.PublishAsync("""{"data":"old","id":"order-1"}""");
        await Wait.UntilAsync(() => TryPublishAsync(server, """{"data":"new","id":"order-1"}"""), "its id is still taken");
        await using var client = await server.SubscribeAsync("?lastEventId=earliest");
        Assert.That((await client.NextAsync()).Data, Is.EqualTo("\"new\""));
        Assert.That(await live.NextDataAsync(2), Is.EqualTo((List<string>)["\"old\"", "\"new\""]));
        await Wait.UntilAsync(() => !folder.Journals.Any(file => File.ReadAllText(file).Contains("old", StringComparison.Ordinal)), "it is still on the disk");
    }

    [Test]
    public async Task What_is_too_old_goes_from_the_disk_also_when_nothing_new_comes()
    {
        using var folder = new TempFolder();
        await using (var server = Start(folder, o => o with { HistoryAge = TimeSpan.FromMilliseconds(200) }))
        {
            await server.PublishAsync("""{"data":1}""");
            await Wait.UntilAsync(() => folder.Journals.All(file => new FileInfo(file).Length == 0), "it is still on the disk");
        }

        await PublishAsync(folder, 2);
        Assert.That(await File.ReadAllTextAsync(folder.Journals[^1]), Does.StartWith(": 2 default "), "the number goes on");
    }

    [Test]
    public async Task A_restart_does_not_bring_back_what_is_too_old()
    {
        using var folder = new TempFolder();
        await PublishAsync(folder, 1);
        await Task.Delay(TimeSpan.FromMilliseconds(100));
        await using var server = Start(folder, o => o with { HistoryAge = TimeSpan.FromMilliseconds(50) });
        await using var client = await server.SubscribeAsync("?lastEventId=earliest");
        await server.PublishAsync("""{"data":2}""");
        Assert.That((await client.NextAsync()).Data, Is.EqualTo("2"));
    }

    [TestCase("os")]
    [TestCase("always")]
    public async Task A_second_process_on_the_folder_says_so_and_ends(string sync)
    {
        using var folder = new TempFolder();
        var (program, _) = await BuiltProgram.ListenAsync($"--data {folder.Path}/new/one --sync {sync}");
        using var running = program;
        using var second = BuiltProgram.Start($"--port {TestServer.FreePort()} --data {folder.Path}/new/one");
        Assert.That(await second.EndAsync(), Is.EqualTo(1));
        Assert.That(second.Errors, Is.EqualTo($"The folder {folder.Path}/new/one is in use by another process; --data names another one."));
        program.Signal("TERM");
        Assert.That(await program.EndAsync(), Is.Zero);
        var (third, _) = await BuiltProgram.ListenAsync($"--data {folder.Path}/new/one");
        third.Dispose();
    }

    [Test]
    public async Task A_folder_that_cannot_be_one_is_told()
    {
        using var folder = new TempFolder();
        await File.WriteAllTextAsync(folder.Path + "/file", "");
        using var program = BuiltProgram.Start($"--port {TestServer.FreePort()} --data {folder.Path}/file");
        Assert.That(await program.EndAsync(), Is.EqualTo(1));
        Assert.That(program.Errors, Does.StartWith($"The folder {folder.Path}/file cannot be used: "));
    }

    [Test]
    public async Task The_log_says_how_much_was_read_back_and_how_long_it_took()
    {
        using var folder = new TempFolder();
        await PublishAsync(folder, 1, 2, 3);
        await using var server = Start(folder);
        await Wait.UntilAsync(() => Regex.IsMatch(server.Logged, "read back 3 events, 0.0 MiB, from .* in [0-9]+ ms"), "not logged");
    }

    internal static TestServer Start(TempFolder folder, Func<ServerOptions, ServerOptions>? change = null) =>
        TestServer.Start(o => (change?.Invoke(o) ?? o) with { Data = folder.Path });

    internal static async Task<List<string>> PublishAsync(TempFolder folder, params int[] data)
    {
        await using var server = Start(folder);
        var ids = new List<string>();
        foreach (var one in data)
        {
            ids.Add(await server.PublishAsync($$"""{"data":{{one}}}"""));
        }

        return ids;
    }

    private static async Task<bool> TryPublishAsync(TestServer server, string json)
    {
        using var answer = await server.PostAsync("/events", "application/json", json);
        return answer.IsSuccessStatusCode;
    }
}
