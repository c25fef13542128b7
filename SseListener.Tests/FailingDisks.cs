using System.Buffers;
using System.Diagnostics.Metrics;
using System.Net;
using System.Net.ServerSentEvents;
using SseListener.Events;
using SseListener.Journal;
using SseListener.Log;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>A journal that cannot be written: nothing is published, nobody is disconnected, and it ends by itself.</summary>
public sealed class FailingDisks
{
    [Test]
    public async Task What_cannot_be_written_is_refused_until_it_can()
    {
        using var folder = new TempFolder();
        var path = folder.Path + "/data";
        await using var server = TestServer.Start(o => o with { Data = path, PresenceLimit = 10 });
        Directory.Delete(path, recursive: true);
        await File.WriteAllTextAsync(path, "in its place");
        await using var client = await server.SubscribeAsync();
        for (var i = 0; i < 3; i++)
        {
            using var answer = await server.PostAsync("/events", "application/json", """{"data":1,"id":"a"}""");
            await Problem.ExpectAsync(answer, 503, "The journal cannot be written at the moment. Nothing was published.");
            Assert.That(answer.Headers.RetryAfter?.ToString(), Is.EqualTo("1"));
        }

        // Who comes is news, and needs no disk.
        await using var second = await server.SubscribeAsync();
        Assert.That((await client.NextAsync()).EventType, Is.EqualTo("join"));
        File.Delete(path);
        Assert.That(await server.PublishAsync("""{"data":2,"id":"a"}"""), Is.EqualTo("a"));
        Assert.That((await client.NextAsync()).Data, Is.EqualTo("2"));
        Assert.That((await second.NextAsync()).Data, Is.EqualTo("2"));
        await server.LogsAsync("the journal can be written again");
        Assert.That(server.Logged.Split("nothing can be published, for the journal cannot be written: "), Has.Length.EqualTo(2), "once for all three");
    }

    [Test]
    public async Task What_is_kept_already_is_answered_all_the_same()
    {
        using var folder = new TempFolder();
        var path = folder.Path + "/data";
        await using (var server = TestServer.Start(o => o with { Data = path }))
        {
            await server.PublishAsync("""{"data":1,"id":"a"}""");
        }

        await using var again = TestServer.Start(o => o with { Data = path });
        Directory.Move(path, path + ".away");
        await File.WriteAllTextAsync(path, "in its place");
        Assert.That(await again.PublishAsync("""{"data":1,"id":"a"}"""), Is.EqualTo("a"));
        using var answer = await again.PostAsync("/events", "application/json", """{"data":2}""");
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.ServiceUnavailable));
    }

    // A limit of the file's size is a full disk: the write that reaches it is cut short, and the next ones fail.
    [TestCase("os")]
    [TestCase("always")]
    [Platform("Linux")]
    public async Task A_full_disk_loses_nothing_that_was_answered_and_keeps_nothing_that_was_not(string sync)
    {
        using var folder = new TempFolder();
        var (program, port) = await BuiltProgram.ListenAsync($"--data {folder.Path} --sync {sync}", line =>
            BuiltProgram.Shell($"trap '' XFSZ; ulimit -Sf 64; DOTNET_EnableWriteXorExecute=0 exec dotnet \"{BuiltProgram.File}\" {line}"));
        using var running = program;
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}"), Timeout = Wait.Limit };
        await using var client = await EventStream.OpenAsync(http, "/events");
        var data = new string('x', 7000);
        var kept = new List<string>();
        for (var refused = 0; refused < 3;)
        {
            Assert.That(kept, Has.Count.LessThanOrEqualTo(8), "four times 14 KB are less than 64 KiB, and five times are more");

            // Batches, so that a part of one would be whole events.
            var id = $"id{kept.Count}-{refused}";
            using var batch = new StringContent($"{{\"data\":\"{data}\",\"id\":\"{id}\"}}\n{{\"data\":\"{data}\",\"id\":\"{id}+\"}}", null, "application/x-ndjson");
            using var answer = await http.PostAsync(new Uri("/events", UriKind.Relative), batch);
            Assert.That(answer.StatusCode, Is.AnyOf(HttpStatusCode.OK, HttpStatusCode.ServiceUnavailable));
            if (answer.StatusCode == HttpStatusCode.OK)
                kept.AddRange([id, id + "+"]);
            else
                refused++;
        }

        Assert.That(kept, Has.Count.EqualTo(8));
        await program.LogsAsync("nothing can be published, for the journal cannot be written: ");
        Assert.That(await IdsAsync(folder), Is.EqualTo(kept), "also when it is killed now");
        program.Limit("fsize", "unlimited");
        using var last = new StringContent("\"more\"", null, "text/plain");
        using (var answer = await http.PostAsync(new Uri("/events?id=last", UriKind.Relative), last))
        {
            Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        }

        kept.Add("last");
        foreach (var id in kept)
            Assert.That((await client.NextAsync()).EventId, Is.EqualTo(id));

        program.Signal("KILL");
        await program.EndAsync();
        Assert.That(await IdsAsync(folder), Is.EqualTo(kept));
    }

    // A stop that has run into its limit does not wait for the hub, which may still have events: nobody else's folder may get them.
    [Test]
    public async Task A_journal_that_is_closed_keeps_nothing_more()
    {
        using var folder = new TempFolder();
        using var log = new LogWriter(TextWriter.Null, LogLevel.Error);
        using var meter = new Meter("test");
        var (writes, flushes) = (meter.CreateHistogram<double>("writes"), meter.CreateHistogram<double>("flushes"));
        FileLog New() => new(new(folder.Path, 1000, TimeSpan.FromHours(1), JournalSync.Os, writes, flushes), log);
        var batch = new FrameBatch();
        batch.Begin(1, SteadyClock.Now);
        batch.Output.Write("data: 1\nid: 1\n\n"u8);
        batch.Add(new ChannelSet("default", [new ChannelLog("default")]));
        using var closed = New();
        Assert.That(closed.TryOpen((_, _, _, _) => { }, _ => { }, out _));
        Assert.That(await closed.AppendAsync(batch, _ => { }), Is.EqualTo(Stored.All));
        closed.Dispose();
        var kept = folder.JournalTexts;
        using var next = New();
        Assert.That(next.TryOpen((_, _, _, _) => { }, _ => { }, out _));
        Assert.That(await closed.AppendAsync(batch, _ => { }), Is.EqualTo(Stored.None));
        Assert.That(folder.JournalTexts, Is.EqualTo(kept));
    }

    [Test]
    public async Task A_journal_that_somebody_deletes_is_begun_anew()
    {
        using var folder = new TempFolder();
        await using (var server = KeepingHistory.Start(folder))
        {
            await server.PublishAsync("""{"data":1}""");
            File.Delete(folder.Journals.Single());
            await server.LogsAsync("has been deleted: what was in it may not outlive the process");
            await server.PublishAsync("""{"data":2}""");
        }

        await using var again = KeepingHistory.Start(folder);
        await using var client = await again.SubscribeAsync("?lastEventId=earliest");
        Assert.That((await client.NextAsync()).Data, Is.EqualTo("2"));
    }

    [Test]
    public async Task An_empty_journal_that_somebody_deletes_is_begun_anew_too()
    {
        using var folder = new TempFolder();
        var age = TimeSpan.FromMilliseconds(500);
        await using (var server = KeepingHistory.Start(folder, o => o with { HistoryAge = age }))
        {
            await server.PublishAsync("""{"data":1}""");
            await Wait.UntilAsync(() => folder.JournalTexts is [""], "the old file is still there");
            File.Delete(folder.Journals.Single());
            await server.LogsAsync("has been deleted");
            await server.PublishAsync("""{"data":2}""");
            Assert.That(await File.ReadAllTextAsync(folder.Journals.Single()), Does.Contain("data: 2"));
        }
    }

    // Two processes that write one file would overwrite each other's events.
    [Test]
    public async Task A_folder_that_was_deleted_is_taken_again()
    {
        using var folder = new TempFolder();
        var path = folder.Path + "/data";
        await using var server = TestServer.Start(o => o with { Data = path });
        await server.PublishAsync("""{"data":1}""");
        Directory.Delete(path, recursive: true);
        await Wait.UntilAsync(() => File.Exists(path + "/lock"), "the folder is not taken again");
        using var second = BuiltProgram.Start($"--port {TestServer.FreePort()} --data {path}");
        Assert.That(await second.EndAsync(), Is.EqualTo(1));
        Assert.That(second.Errors, Does.Contain("is in use by another process"));
    }

    private static async Task<List<string?>> IdsAsync(TempFolder folder)
    {
        await using var stream = new FileStream(folder.Journals.Single(), FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        return await SseParser.Create(stream).EnumerateAsync().Select(item => item.EventId).ToListAsync();
    }
}
