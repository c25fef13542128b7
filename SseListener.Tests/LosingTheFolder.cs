using System.Diagnostics;
using System.Net;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>
/// A journal whose folder or file is no longer what its name means: deleted, moved, replaced, changed or taken by another server, in
/// both modes of <c>--sync</c>. It is told within a second or two, also when nobody publishes, and mends itself where it can.
/// </summary>
[TestFixture("os")]
[TestFixture("always")]
public sealed class LosingTheFolder(string sync)
{
    private static readonly string[] _onlyTwo = ["2"];
    private static readonly string[] _both = ["1", "2"];

    // The second one is the folder's parent: its place being taken, the folder cannot be made.
    [TestCase("/parent/data")]
    [TestCase("/parent")]
    public async Task While_it_cannot_be_made_again_nothing_is_answered_with_200(string place)
    {
        using var folder = new TempFolder();
        var data = folder.Path + "/parent/data";
        await using (var server = Start(data))
        {
            await server.PublishAsync("""{"data":1}""");
            Directory.Delete(folder.Path + place, recursive: true);
            await File.WriteAllTextAsync(folder.Path + place, "in its place");
            await Wait.UntilAsync(() => IsWellAsync(server, isWell: false), "/healthz says that all is well");
            await server.LogsAsync("nothing can be published, for the journal cannot be written: ");
            using var answer = await server.PostAsync("/events", "application/json", """{"data":"lost"}""");
            await Problem.ExpectAsync(answer, 503, "The journal cannot be written at the moment. Nothing was published.");
            File.Delete(folder.Path + place);
            await Wait.UntilAsync(() => IsWellAsync(server, isWell: true), "it is not taken again");
            await server.PublishAsync("""{"data":2}""");
        }

        await ExpectAsync(data, _onlyTwo);
    }

    [Test]
    public async Task It_is_no_reason_for_which_a_stream_is_refused()
    {
        using var folder = new TempFolder();
        var data = folder.Path + "/data";
        await using var server = Start(data, maxChannels: 1);
        await using var client = await server.SubscribeAsync("?channel=a");
        Directory.Delete(data, recursive: true);
        await File.WriteAllTextAsync(data, "in its place");
        await Wait.UntilAsync(() => IsWellAsync(server, isWell: false), "/healthz says that all is well");
        Assert.That(await RawRequest.ExchangeAsync(server.Port, RawRequest.Head(server.Port, "GET /events?channel=b")), Is.Empty);
        await server.ExpectMetricAsync("""sse_connects_refused_total{reason="channel_limit"}""", 1);
    }

    [Test]
    public async Task One_that_is_replaced_by_a_copy_is_gone_on_with()
    {
        using var folder = new TempFolder();
        var data = folder.Path + "/data";
        Directory.CreateDirectory(data + "1");
        await LinkAsync(data, data + "1");
        await using (var server = Start(data))
        {
            await server.PublishAsync("""{"data":1}""");
            await RunAsync("cp", "-a", data + "1", data + "2");
            await LinkAsync(data, data + "2");
            await server.PublishAsync("""{"data":2}""");
            await server.LogsAsync("has been replaced");
        }

        await ExpectAsync(data, _both);
    }

    [Test]
    public async Task A_file_that_is_replaced_by_another_one_is_not_written_any_more()
    {
        using var folder = new TempFolder();
        await using (var server = Start(folder.Path))
        {
            await server.PublishAsync("""{"data":1}""");
            var file = folder.Journals.Single();
            File.Copy(file, file + ".copy");
            File.Move(file + ".copy", file, overwrite: true);
            await server.PublishAsync("""{"data":2}""");
            await server.LogsAsync($"{file} has been replaced");
        }

        await ExpectAsync(folder.Path, _both);
    }

    // As logrotate does with copytruncate.
    [TestCase("", "2")]
    [TestCase("somebody's line\n", "1 2")]
    public async Task A_file_that_another_program_has_changed_costs_no_later_event(string appended, string kept)
    {
        using var folder = new TempFolder();
        await using (var server = Start(folder.Path))
        {
            await server.PublishAsync("""{"data":1}""");
            var file = folder.Journals.Single();
            await using (var stream = new FileStream(file, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
            {
                stream.SetLength(appended.Length > 0 ? stream.Length : 0);
                stream.Position = stream.Length;
                await stream.WriteAsync(System.Text.Encoding.ASCII.GetBytes(appended));
            }

            await server.PublishAsync("""{"data":2}""");
            await server.LogsAsync($"{file} has been changed by another program");
        }

        await ExpectAsync(folder.Path, kept.Split(' '));
    }

    [Test]
    public async Task A_second_server_does_not_get_in_where_somebody_deletes_the_lock()
    {
        using var folder = new TempFolder();
        await using (var server = Start(folder.Path))
        {
            using var second = BuiltProgram.Start($"--port {TestServer.FreePort()} --data {folder.Path} --sync {sync}");
            await Wait.UntilAsync(
                () =>
                {
                    File.Delete(folder.Path + "/lock");
                    return second.HasEnded || second.Output.Contains('>', StringComparison.Ordinal);
                },
                "it neither listens nor ends");
            Assert.That(second.HasEnded, "both have the folder");
            await second.EndAsync();
            Assert.That(second.Errors, Does.Contain("is in use by another process"));
            await server.PublishAsync("""{"data":2}""");
            await Wait.UntilAsync(() => File.Exists(folder.Path + "/lock"), "the lock is not taken again");
        }

        await ExpectAsync(folder.Path, _onlyTwo);
    }

    [Test]
    public async Task A_server_whose_folder_another_one_has_now_keeps_nothing_there()
    {
        using var folder = new TempFolder();
        var data = folder.Path + "/data";
        Directory.CreateDirectory(data + "1");
        Directory.CreateDirectory(data + "2");
        await LinkAsync(data, data + "1");
        await using var server = Start(data);
        await server.PublishAsync("""{"data":1}""");
        await using (var other = new FileStream(data + "2/lock", FileMode.Create, FileAccess.ReadWrite, FileShare.None))
        {
            await LinkAsync(data, data + "2");
            await Wait.UntilAsync(() => IsWellAsync(server, isWell: false), "/healthz says that all is well");
            await server.LogsAsync("another process has it now");
        }

        // What the other one has kept there is not known here.
        using var answer = await server.PostAsync("/events", "application/json", """{"data":2}""");
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.ServiceUnavailable));
        Assert.That(Directory.GetFiles(data, "journal-*"), Is.Empty);
    }

    private TestServer Start(string data, int maxChannels = 1000) =>
        TestServer.Start(o => o with { Data = data, Sync = sync == "os" ? Journal.JournalSync.Os : Journal.JournalSync.Always, MaxChannels = maxChannels });

    private async Task ExpectAsync(string data, string[] kept)
    {
        await using var server = Start(data);
        await using var client = await server.SubscribeAsync("?lastEventId=earliest");
        Assert.That(await client.NextDataAsync(kept.Length), Is.EqualTo(kept));
        await server.ExpectNothingArrivedAsync(client);
    }

    // In one step: the server looks every second, and makes a folder that is missing. File.Move does not move links to folders.
    private static Task LinkAsync(string name, string target)
    {
        File.CreateSymbolicLink(name + ".new", target);
        return RunAsync("mv", "-T", name + ".new", name);
    }

    private static async Task RunAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(program, arguments);
        await process.WaitForExitAsync();
        Assert.That(process.ExitCode, Is.Zero);
    }

    private static async Task<bool> IsWellAsync(TestServer server, bool isWell)
    {
        using var answer = await server.Http.GetAsync(new Uri("/healthz", UriKind.Relative));
        return answer.IsSuccessStatusCode == isWell;
    }
}
