using System.Net;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>A disk that fails late, or cannot take back what it has, or cannot be flushed to.</summary>
[Platform("Linux")]
public sealed class SickDisks
{
    // The bytes are on the disk, which says that they are not, and will not take them back. Whether a restart finds them nobody can know.
    [Test]
    public async Task What_could_not_be_taken_back_gets_no_answer_rather_than_a_wrong_one()
    {
        using var folder = new TempFolder();
        using var faults = new Faults();
        var (program, port) = await ListenAsync(faults, $"--data {folder.Path}");
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}"), Timeout = Wait.Limit };
        using (program)
        {
            await PublishAsync(http, "1", HttpStatusCode.OK);
            faults.Begin("late");
            await PublishAsync(http, "2", HttpStatusCode.ServiceUnavailable);
            faults.Begin("stuck");
            await Assert.ThatAsync(() => PublishAsync(http, "3", HttpStatusCode.OK), Throws.InstanceOf<HttpRequestException>());
            await PublishAsync(http, "4", HttpStatusCode.ServiceUnavailable);
            program.Signal("KILL");
            await program.EndAsync();
        }

        using var again = await BuiltProgram.ListenAgainAsync(port, $"--data {folder.Path}");
        await PublishAsync(http, "5", HttpStatusCode.OK);
        await using var client = await EventStream.OpenAsync(http, "/events?lastEventId=earliest");
        var ids = new List<string?>();
        while (!ids.Contains("5"))
            ids.Add((await client.NextAsync()).EventId);

        Assert.That(ids, Is.EqualTo((string[])["1", "3", "5"]));
    }

    [TestCase("os", "the journal could not be flushed to the disk: ")]
    [TestCase("always", "nothing can be published, for the journal cannot be written: ")]
    public async Task A_disk_that_cannot_be_flushed_to_is_told(string sync, string told)
    {
        using var folder = new TempFolder();
        using var faults = new Faults();
        var (program, port) = await ListenAsync(faults, $"--data {folder.Path} --sync {sync} --history-age 1s");
        using var running = program;
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}"), Timeout = Wait.Limit };
        faults.Begin("sick");
        await PublishAsync(http, "1", HttpStatusCode.OK);
        await program.LogsAsync(told);
    }

    // What is made or deleted is an entry of the folder, which a power cut takes along unless the folder is on the disk as well.
    [Test]
    public async Task The_folder_is_brought_to_the_disk_when_a_file_is_made_or_deleted()
    {
        using var folder = new TempFolder();
        using var faults = new Faults();
        var (program, port) = await ListenAsync(faults, $"--data {folder.Path} --sync always --history-age 1500ms");
        using var running = program;
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}"), Timeout = Wait.Limit };
        await PublishAsync(http, "1", HttpStatusCode.OK);
        var first = folder.Journals.Single();
        var synced = faults.Synced;
        Assert.That(synced, Is.Positive, "the first file");
        await Wait.UntilAsync(() => !File.Exists(first), "it does not expire");
        await Wait.UntilAsync(() => faults.Synced >= synced + 2, "its end, or the file after it");
    }

    private static Task<(BuiltProgram Program, int Port)> ListenAsync(Faults faults, string arguments) =>
        BuiltProgram.ListenAsync(arguments, line => BuiltProgram.Start(line, environment: faults.Environment));

    private static async Task PublishAsync(HttpClient http, string id, HttpStatusCode expected)
    {
        using var content = new StringContent(id);
        using var answer = await http.PostAsync(new Uri($"/events?id={id}", UriKind.Relative), content);
        Assert.That(answer.StatusCode, Is.EqualTo(expected), id);
    }
}
