using System.Text;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>What a crash or a disk has done to a journal: it is told, and never served.</summary>
public sealed class DamagedJournals
{
    private static readonly string[] _all = ["1", "2", "3", "4"];

    // Every length that a torn file may have.
    [Test]
    public async Task What_is_torn_at_the_end_is_cut_off_wherever_that_is()
    {
        using var folder = new TempFolder();
        await KeepingHistory.PublishAsync(folder, 1, 2);
        var file = folder.Journals.Single();
        var whole = await File.ReadAllBytesAsync(file);
        var second = Encoding.ASCII.GetString(whole).IndexOf("\n: 2 ", StringComparison.Ordinal) + 1;
        for (var length = second + 1; length < whole.Length; length++)
        {
            await File.WriteAllBytesAsync(file, whole[..length]);
            await ExpectAsync(folder, $"does not end with a whole event: cut off {length - second} bytes", "1");
        }
    }

    [Test]
    public async Task A_publisher_may_go_on_behind_what_was_cut_off()
    {
        using var folder = new TempFolder();
        await KeepingHistory.PublishAsync(folder, 1);
        var file = folder.Journals.Single();
        var whole = await File.ReadAllTextAsync(file);
        await File.AppendAllTextAsync(file, ": 2 default 17");
        await KeepingHistory.PublishAsync(folder);
        Assert.That(await File.ReadAllTextAsync(file), Is.EqualTo(whole));
        await File.AppendAllTextAsync(file, ": 2 default 17");
        await KeepingHistory.PublishAsync(folder, 2);
        await using var server = KeepingHistory.Start(folder);
        await ExpectAsync(server, "1", "2");
        Assert.That(server.Logged, Does.Not.Contain("whole event"));
    }

    // Every byte of the second of four events, its comment included.
    [Test]
    public async Task One_that_is_damaged_in_the_middle_is_passed_over_whichever_byte_it_is()
    {
        using var folder = new TempFolder();
        await KeepingHistory.PublishAsync(folder, 1, 2, 3, 4);
        var file = folder.Journals.Single();
        var whole = await File.ReadAllBytesAsync(file);
        var text = Encoding.ASCII.GetString(whole);
        var (start, end) = (text.IndexOf("\n: 2 ", StringComparison.Ordinal) + 1, text.IndexOf("\n: 3 ", StringComparison.Ordinal) + 1);
        for (var position = start; position < end; position++)
        {
            var damaged = whole.ToArray();
            damaged[position] ^= 0x15;
            await File.WriteAllBytesAsync(file, damaged);
            await ExpectAsync(folder, $"is damaged: skipped {end - start} bytes at {start}", "1", "3", "4");
        }
    }

    [Test]
    public async Task A_batch_counts_only_when_all_of_it_was_written()
    {
        using var folder = new TempFolder();
        await using (var server = KeepingHistory.Start(folder))
        {
            await server.PublishAsync("""{"data":1}""");
            using var answer = await server.PostAsync("/events", "application/x-ndjson", "{\"data\":2}\n{\"data\":3}\n{\"data\":4}");
        }

        var file = folder.Journals.Single();
        var text = await File.ReadAllTextAsync(file);
        await using (var server = KeepingHistory.Start(folder))
        {
            await ExpectAsync(server, _all);
        }

        // As if the process had been killed between two pages of the write.
        await File.WriteAllTextAsync(file, text[..text.IndexOf(": 4 ", StringComparison.Ordinal)]);
        await using var again = KeepingHistory.Start(folder);
        await ExpectAsync(again, "1");
    }

    [Test]
    public async Task A_damaged_event_of_a_batch_does_not_cost_the_others()
    {
        using var folder = new TempFolder();
        await using (var server = KeepingHistory.Start(folder))
        {
            using var answer = await server.PostAsync("/events", "application/x-ndjson", "{\"data\":1}\n{\"data\":2}\n{\"data\":3}\n{\"data\":4}");
        }

        var file = folder.Journals.Single();
        await File.WriteAllTextAsync(file, (await File.ReadAllTextAsync(file)).Replace("data: 3", "data: 7", StringComparison.Ordinal));
        await using var again = KeepingHistory.Start(folder);
        await ExpectAsync(again, "1", "2", "4");
    }

    [Test]
    public async Task Damage_in_an_older_file_costs_only_what_is_damaged()
    {
        using var folder = new TempFolder();
        var data = new string('x', 40_000);
        await using (var server = KeepingHistory.Start(folder, o => o with { History = 500_000 }))
        {
            for (var i = 1; i <= 4; i++)
                await server.PublishAsync($$"""{"data":"{{i}}{{data}}"}""");
        }

        Assert.That(folder.Journals, Has.Length.AtLeast(2));
        var first = await File.ReadAllBytesAsync(folder.Journals[0]);
        first[^50] = (byte)'y';
        await File.WriteAllBytesAsync(folder.Journals[0], first);
        await using var again = KeepingHistory.Start(folder);
        await ExpectAsync(again, $"\"1{data}\"", $"\"3{data}\"", $"\"4{data}\"");
        Assert.That(new FileInfo(folder.Journals[0]).Length, Is.EqualTo(first.Length));
    }

    [Test]
    public async Task What_is_there_twice_counts_once()
    {
        using var folder = new TempFolder();
        await KeepingHistory.PublishAsync(folder, 1, 2);
        var file = folder.Journals.Single();
        var whole = await File.ReadAllTextAsync(file);
        await File.AppendAllTextAsync(file, whole);
        File.Copy(file, folder.Path + "/journal-00000000000000000002.sse");
        await using var server = KeepingHistory.Start(folder);
        await ExpectAsync(server, "1", "2");
    }

    // A disk that wrote a block to the wrong place: of a later file, or of further on in the same one.
    [TestCase(true)]
    [TestCase(false)]
    public async Task Bytes_that_belong_further_on_cost_no_event_but_those_that_they_are_written_over(bool isOfLaterFile)
    {
        using var folder = new TempFolder();
        var now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        var events = Enumerable.Range(1, 20).Select(i => JournalText.Event(i, $"{i}", $"{i}", now)).ToArray();
        var (earlier, later) = (events[..10], events[10..]);
        earlier[3] = isOfLaterFile ? later[5] : earlier[8];
        await File.WriteAllTextAsync(folder.Path + "/journal-00000000000000000001.sse", string.Concat(earlier));
        await File.WriteAllTextAsync(folder.Path + "/journal-00000000000000000011.sse", string.Concat(later));
        await using var server = KeepingHistory.Start(folder);
        await ExpectAsync(server, [.. Enumerable.Range(1, 20).Where(i => i != 4).Select(i => $"{i}")]);
    }

    // Only a file that holds what its name says ends the one before it.
    [TestCase("")]
    [TestCase("nothing of ours")]
    public async Task A_stray_file_costs_nothing(string content)
    {
        using var folder = new TempFolder();
        await KeepingHistory.PublishAsync(folder, 1, 2, 3);
        await File.WriteAllTextAsync(folder.Path + "/journal-00000000000000000002.sse", content);
        await using var server = KeepingHistory.Start(folder);
        await ExpectAsync(server, "1", "2", "3");
    }

    [TestCase("")]
    [TestCase("\0\0\0\0\0\0\0\0")]
    [TestCase("event: hello\ndata: not ours\n\n")]
    [TestCase(": 5 default 1732264538123 00000000 0 00000000\ndata: forged\nid: 1\n\n")]
    public async Task A_file_without_anything_good_is_nothing(string content)
    {
        using var folder = new TempFolder();
        await File.WriteAllTextAsync(folder.Path + "/journal-00000000000000000007.sse", content);
        await File.WriteAllTextAsync(folder.Path + "/journal-notes.sse", "somebody else's");
        await using var server = KeepingHistory.Start(folder);
        await server.PublishAsync("""{"data":1}""");
        await ExpectAsync(server, "1");
        Assert.That(await File.ReadAllTextAsync(folder.Path + "/journal-00000000000000000007.sse"), Does.StartWith(": 7 default "));
    }

    private static async Task ExpectAsync(TempFolder folder, string told, params string[] data)
    {
        await using var server = KeepingHistory.Start(folder);
        await ExpectAsync(server, data);
        await server.LogsAsync(told);
    }

    private static async Task ExpectAsync(TestServer server, params string[] data)
    {
        await using var client = await server.SubscribeAsync("?lastEventId=earliest");
        Assert.That(await client.NextDataAsync(data.Length), Is.EqualTo(data));
        await server.ExpectNothingArrivedAsync(client);
    }
}
