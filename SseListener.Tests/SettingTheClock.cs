using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>A machine's clock that is wrong for a while costs no event that is to be kept, and keeps none that is to go.</summary>
[Platform("Linux")]
public sealed class SettingTheClock
{
    private static readonly string[] _all = ["1", "2", "3", "4"];
    private static readonly long _now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
    private static readonly long _day = (long)TimeSpan.FromHours(25).TotalMilliseconds;

    [Test]
    public async Task One_that_was_set_back_by_more_than_the_age_and_right_again_costs_nothing()
    {
        using var folder = new TempFolder();
        using var faults = new Faults();
        var (program, port) = await ListenAsync(faults, $"--data {folder.Path} --history 800KiB");
        using var running = program;
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}"), Timeout = Wait.Limit };

        // Enough for another file after each.
        var padding = new string('x', 100_000);
        await PublishAsync(http, "1", padding);
        faults.Begin("yesterday");
        await PublishAsync(http, "2", padding);
        faults.End("yesterday");
        await PublishAsync(http, "3", padding);
        await PublishAsync(http, "4", padding);
        program.Signal("TERM");
        Assert.That(await program.EndAsync(), Is.Zero);
        using var again = await BuiltProgram.ListenAgainAsync(port, $"--data {folder.Path}");
        await using var client = await EventStream.OpenAsync(http, "/events?lastEventId=earliest");
        foreach (var id in _all)
            Assert.That((await client.NextAsync()).EventId, Is.EqualTo(id));
    }

    [TestCase("os")]
    [TestCase("none")]
    public async Task An_event_of_tomorrow_keeps_nothing_from_expiring(string journal)
    {
        using var folder = new TempFolder();
        using var faults = new Faults();
        var (program, port) = await ListenAsync(faults, $"--data {(journal == "none" ? journal : folder.Path)} --history-age 2s");
        using var running = program;
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}"), Timeout = Wait.Limit };
        faults.Begin("tomorrow");
        await PublishAsync(http, "1", "");
        faults.End("tomorrow");
        await PublishAsync(http, "2", "");
        await Wait.UntilAsync(() => KeepsNothingAsync(http), "they are still kept");
        await Wait.UntilAsync(() => folder.JournalTexts.All(text => text.Length == 0), "they are still on the disk");
    }

    // What an older version wrote, or this one before it was started again.
    [Test]
    public async Task Events_that_were_written_while_it_was_back_are_as_old_as_those_before_them()
    {
        using var folder = new TempFolder();
        await File.WriteAllTextAsync(
            folder.Path + "/journal-00000000000000000001.sse",
            JournalText.Event(1, "1", "1", _now) + JournalText.Event(2, "2", "2", _now - _day) + JournalText.Event(3, "3", "3", _now) + JournalText.Event(4, "4", "4", _now - _day));
        await ExpectAllAsync(folder);
        await ExpectAllAsync(folder);
    }

    [Test]
    public async Task Events_of_tomorrow_that_are_read_back_expire_as_if_they_were_of_now()
    {
        using var folder = new TempFolder();
        await File.WriteAllTextAsync(
            folder.Path + "/journal-00000000000000000001.sse",
            JournalText.Event(1, "1", "1", _now + _day) + JournalText.Event(2, "2", "2", _now));
        await using var server = KeepingHistory.Start(folder, o => o with { HistoryAge = TimeSpan.FromSeconds(2) });
        await Wait.UntilAsync(() => KeepsNothingAsync(server.Http), "they are still kept");
        await Wait.UntilAsync(() => folder.JournalTexts.All(text => text.Length == 0), "they are still on the disk");
    }

    [Test]
    public async Task A_channel_that_is_deleted_while_it_is_back_does_not_come_back_when_files_are_cleaned()
    {
        using var folder = new TempFolder();
        using var faults = new Faults();
        var arguments = $"--data {folder.Path} --history 800KiB --keep prices/*=1 --log-level debug";
        var (program, port) = await ListenAsync(faults, arguments);
        using var running = program;
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}"), Timeout = Wait.Limit };

        // In a file of which most is kept, so that it is not cleaned itself.
        await PublishAsync(http, "1&channel=gone", "");
        await PublishAsync(http, "2&channel=kept", new string('x', 110_000));
        faults.Begin("yesterday");
        using var deleted = await http.DeleteAsync(new Uri("/channels/gone", UriKind.Relative));
        faults.End("yesterday");

        // Of the last one a line stays in any case.
        await PublishAsync(http, "3&channel=last", "");
        using var last = await http.DeleteAsync(new Uri("/channels/last", UriKind.Relative));
        for (var id = 4; id < 13; id++)
            await PublishAsync(http, $"{id}&channel=prices/a", new string('x', 50_000));

        await program.LogsAsync("cleaned ");
        program.Signal("TERM");
        Assert.That(await program.EndAsync(), Is.Zero);
        using var again = await BuiltProgram.ListenAgainAsync(port, arguments);
        await using var client = await EventStream.OpenAsync(http, "/events?channel=gone&channel=kept&lastEventId=earliest");
        Assert.That((await client.NextAsync()).EventId, Is.EqualTo("2"));
    }

    private static async Task ExpectAllAsync(TempFolder folder)
    {
        await using var server = KeepingHistory.Start(folder);
        await using var client = await server.SubscribeAsync("?lastEventId=earliest");
        Assert.That(await client.NextDataAsync(4), Is.EqualTo(_all));
    }

    private static Task<(BuiltProgram Program, int Port)> ListenAsync(Faults faults, string arguments) =>
        BuiltProgram.ListenAsync(arguments, line => BuiltProgram.Start(line, environment: faults.Environment));

    private static async Task PublishAsync(HttpClient http, string id, string data)
    {
        using var content = new StringContent(data);
        using var answer = await http.PostAsync(new Uri($"/events?id={id}", UriKind.Relative), content);
        answer.EnsureSuccessStatusCode();
    }

    private static async Task<bool> KeepsNothingAsync(HttpClient http) =>
        (await http.GetStringAsync(new Uri("/metrics", UriKind.Relative))).Contains("\nsse_history_events 0\n", StringComparison.Ordinal);
}
