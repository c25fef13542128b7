using System.Globalization;
using System.Net.ServerSentEvents;
using System.Text.RegularExpressions;
using SseListener.Http;
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
        Assert.That(Journal.JournalLine.Checksum("123456789"u8), Is.EqualTo(0xE3069283));

    [Test]
    public async Task Numbers_go_on_far_behind_those_that_a_power_cut_may_have_taken_along()
    {
        using var folder = new TempFolder();
        await PublishAsync(folder, 1, 2);
        await PublishAsync(folder, 3);
        var lines = folder.Journals.SelectMany(File.ReadAllLines).Where(line => line.StartsWith(':'));
        var numbers = lines.Select(line => long.Parse(line.Split(' ')[1], CultureInfo.InvariantCulture)).ToList();
        Assert.That(numbers.Take(2), Is.EqualTo((long[])[1, 2]));
        Assert.That(numbers[2], Is.GreaterThan(1L << 32));
    }

    // The disk keeps more than memory, so what is read back may have an id twice.
    [Test]
    public async Task An_id_that_was_used_again_means_the_later_event_also_after_a_restart()
    {
        using var folder = new TempFolder();
        var now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        var frames = Enumerable.Range(3, 40).Select(i => JournalText.Event(i, new string('x', 200), $"x{i}", now));
        await File.WriteAllTextAsync(
            folder.Path + "/journal-00000000000000000001.sse",
            JournalText.Event(1, "old", "a", now) + JournalText.Event(2, "new", "a", now) + string.Concat(frames.Take(5)) + JournalText.Event(8, "last", "b", now));
        await using var server = Start(folder);
        await using var client = await server.SubscribeAsync(lastEventId: "a");
        Assert.That((await client.NextAsync()).EventId, Is.EqualTo("x3"));
        Assert.That(await server.PublishAsync("""{"data":"x","id":"b2"}"""), Is.EqualTo("b2"));
        using var retry = await server.PostAsync("/events?id=a", "text/plain", "new");
        Assert.That(retry.IsSuccessStatusCode, Is.True);
        using var conflict = await server.PostAsync("/events?id=a", "text/plain", "old");
        Assert.That((int)conflict.StatusCode, Is.EqualTo(409));
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
            ids.Add(await server.PublishAsync($$"""{"data":{{one}}}"""));

        return ids;
    }
}
