using System.Net.ServerSentEvents;
using SseListener.Tests.Support;
using static SseListener.Tests.KeepingByRules;

namespace SseListener.Tests;

/// <summary>What a journal keeps of channels that a rule of --keep covers, and what a restart makes of it.</summary>
public sealed class KeepingJournalsByRules
{
    private const string Mark = ": without what is dropped\n\n";
    private static readonly string[] _rules = ["prices/*=1", "orders/*=7d", "llm/*=10m,64KiB"];
    private static readonly string[] _oneToFour = ["1", "2", "3", "4"];

    [Test]
    public async Task A_restart_reads_back_by_the_same_rules()
    {
        using var folder = new TempFolder();
        string before, price;
        await using (var server = Start(folder, _rules))
        {
            await using var client = await server.SubscribeAsync("?channel=orders/1");
            before = PositionOf(client);
            await PublishAsync(server, "orders/1", 1, 2);
            await PublishAsync(server, "prices/a", 1, 2, 3);
            price = await server.PublishAsync("""{"data":4}""", "prices/a");
            await PublishBatchAsync(server, "llm/1", 5000);
        }

        await using var again = Start(folder, _rules);
        await using var orders = await again.SubscribeAsync("?channel=orders/*", before);
        Assert.That((await orders.NextDataAsync(2))[1], Is.EqualTo("2"), "without a gap");
        await using var prices = await again.SubscribeAsync("?channel=prices/*", "earliest");
        Assert.That((await prices.NextAsync()).EventId, Is.EqualTo(price));
        await using var resumed = await again.SubscribeAsync("?channel=prices/a", price);
        await again.ExpectNothingArrivedAsync(resumed, "prices/a");
        foreach (var channel in (string[])["prices/a", "llm/1"])
        {
            await using var lost = await again.SubscribeAsync($"?channel={channel}", before);
            Assert.That((await lost.NextAsync()).EventType, Is.EqualTo("gap"), channel);
        }
    }

    [Test]
    public async Task The_journal_stays_small_and_a_restart_knows_what_is_missing_and_what_is_not()
    {
        using var folder = new TempFolder();
        string before, between;
        await using (var server = Start(folder, _rules))
        {
            await using var client = await server.SubscribeAsync("?channel=orders/1");
            before = PositionOf(client);
            await PublishPricesAsync(server);
            await using var later = await server.SubscribeAsync("?channel=none");
            between = PositionOf(later);
            await PublishAsync(server, "orders/1", 1);
            await PublishAsync(server, "prices/rare", 1);
            await PublishPricesAsync(server);
            await UntilSmallAsync(server, folder);
        }

        // Once more of what is clean, and once more with other numbers.
        for (var restart = 0; restart < 2; restart++)
        {
            await using var again = Start(folder, _rules);
            Assert.That(again.Logged, Does.Not.Contain("damaged").And.Not.Contain("cut off"));
            await ExpectAsync(again, "orders/1", before, "1");
            await ExpectAsync(again, "orders/*", before, "1");
            await ExpectAsync(again, "prices/rare", before, "1");
            await ExpectAsync(again, $"none/{restart}", before);
            await ExpectAsync(again, $"no/{restart}", between);
            foreach (var (query, place) in ((string, string)[])[("prices/1", before), ("prices/1", between), ("prices/*", between)])
            {
                await using var lost = await again.SubscribeAsync($"?channel={query}", place);
                Assert.That((await lost.NextAsync()).EventType, Is.EqualTo("gap"), query);
            }

            await PublishPricesAsync(again);
            await UntilSmallAsync(again, folder);
        }
    }

    // What one of its channels has let go stays for the other: in memory, in cleaned files, by its id, and as the same event.
    [Test]
    public async Task An_event_of_several_channels_is_kept_by_the_rule_that_keeps_it_longest()
    {
        using var folder = new TempFolder();
        const string Both = "/events?channel=prices/1&channel=orders/1";
        await using (var server = Start(folder, _rules))
        {
            foreach (var body in (string[])["""{"id":"x","data":1}""", """{"id":"y","data":2}"""])
                await PostAsync(server, Both, body);

            await PublishPricesAsync(server);
            await UntilSmallAsync(server, folder);
            await ExpectAsync(server, "orders/1", "x", "2");
            await PostAsync(server, Both, """{"id":"x","data":1}""");
        }

        await using var again = Start(folder, _rules);
        await ExpectAsync(again, "orders/1", "x", "2");
        await using var all = await again.SubscribeAsync("?channel=orders/1", "earliest");
        Assert.That(await all.NextDataAsync(2), Is.EqualTo((string[])["1", "2"]));
        await PublishPricesAsync(again);
        await UntilSmallAsync(again, folder);
        await ExpectAsync(again, "orders/1", "x", "2");
    }

    // The end is no event of which there may be one, and is the last to go.
    [Test]
    public async Task A_channel_that_keeps_one_event_and_ends_keeps_both()
    {
        using var folder = new TempFolder();
        for (var restart = 0; restart < 2; restart++)
        {
            await using var server = Start(folder, _rules);
            if (restart == 0)
            {
                await PublishAsync(server, "prices/done", 1, 2);
                await PostAsync(server, "/events?channel=prices/done&end=1", "");
                await PublishPricesAsync(server);
                await UntilSmallAsync(server, folder);
            }

            await using var client = await server.SubscribeAsync("?channel=prices/done");
            Assert.That(await client.NextDataAsync(2), Is.EqualTo((string[])["2", """{"ended":"prices/done"}"""]));
        }
    }

    [Test]
    public async Task What_is_forgotten_stays_so_though_files_are_cleaned()
    {
        using var folder = new TempFolder();
        for (var restart = 0; restart < 3; restart++)
        {
            await using var server = Start(folder, _rules);
            if (restart == 0)
            {
                await PublishAsync(server, "orders/gone", 1, 2);
                using var forgotten = await server.SendAsync("DELETE", "/channels/orders/gone");
            }

            await PublishPricesAsync(server);
            await UntilSmallAsync(server, folder);
            using var kept = await server.SendAsync("GET", "/events?channel=orders/gone", ("Accept", "application/json"));
            Assert.That(await kept.Content.ReadAsStringAsync(), Does.EndWith("\"events\":[]}"));
        }
    }

    [Test]
    public async Task A_cleaned_file_is_an_event_stream_of_what_is_kept()
    {
        using var folder = new TempFolder();
        await using (var server = Start(folder, _rules))
        {
            await PublishAsync(server, "orders/1", 1);
            await PublishPricesAsync(server);
            await UntilSmallAsync(server, folder);
        }

        await using var cleaned = File.OpenRead(folder.Journals[0]);
        var items = await SseParser.Create(cleaned).EnumerateAsync().ToListAsync();
        Assert.That(items, Has.Count.LessThan(12));
        Assert.That(items[0].Data, Is.EqualTo("1"));
    }

    [Test]
    public async Task A_closed_file_that_somebody_deletes_does_not_keep_the_others_from_being_cleaned()
    {
        using var folder = new TempFolder();
        await using var server = Start(folder, _rules);
        await PublishBatchAsync(server, "orders/1", 600);
        await PublishAsync(server, "orders/1", 1);
        File.Delete(folder.Journals[0]);
        await PublishPricesAsync(server);
        await UntilSmallAsync(server, folder);
        await using var client = await server.SubscribeAsync("?channel=orders/1", "earliest");
        Assert.That((await client.NextDataAsync(601))[^1], Is.EqualTo("1"), "memory has it");
    }

    [Test]
    public async Task Rules_may_change_from_one_start_to_the_next()
    {
        using var folder = new TempFolder();
        await using (var server = Start(folder, ["prices/*=3"]))
        {
            await PublishAsync(server, "default", 1);
            await PublishPricesAsync(server);
            await UntilSmallAsync(server, folder);
        }

        // Without rules what has not been cleaned yet is there again.
        foreach (var (rules, least, most) in ((string[], int, int)[])[([], 3, 5000), (["*=2"], 2, 2), (["prices/*=1"], 1, 1)])
        {
            await using var again = Start(folder, rules);
            Assert.That(await again.MetricAsync("sse_history_events"), Is.InRange(1 + (5 * least), 1 + (5 * most)));
            if (rules.Length == 0)
                continue;

            await using var prices = await again.SubscribeAsync("?channel=prices/1", "earliest");
            Assert.That((await prices.NextDataAsync(least))[^1], Is.EqualTo("499"));
        }
    }

    [Test]
    public async Task A_process_that_died_between_two_files_leaves_each_event_once()
    {
        using var folder = new TempFolder();
        var now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        string[] events = [.. Enumerable.Range(1, 5).Select(number => JournalText.Event(number, $"{number}", $"id-{number}", now, "orders/1"))];
        await File.WriteAllTextAsync(Name(folder, 1), Mark + string.Concat(events[..3]));
        await File.WriteAllTextAsync(Name(folder, 3), events[2] + events[3]);
        await File.WriteAllTextAsync(Name(folder, 5), events[4]);
        await File.WriteAllTextAsync(Name(folder, 1) + ".new", events[0]);
        await using var server = Start(folder, _rules);
        await using var client = await server.SubscribeAsync("?channel=orders/1", "earliest");
        Assert.That(await client.NextDataAsync(5), Is.EqualTo((string[])[.. _oneToFour, "5"]));
        await server.ExpectNothingArrivedAsync(client, "orders/1");
        Assert.That(server.Logged, Does.Not.Contain("damaged").And.Not.Contain("cut off"));
        Assert.That(File.Exists(Name(folder, 1) + ".new"), Is.False);
    }

    [Test]
    public async Task A_cleaned_file_begins_where_its_name_says_whatever_a_disk_has_written_into_the_one_before()
    {
        using var folder = new TempFolder();
        var now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        string[] events = [.. Enumerable.Range(1, 4).Select(number => JournalText.Event(number, $"{number}", $"id-{number}", now))];
        await File.WriteAllTextAsync(Name(folder, 1), events[0] + events[1] + events[3]);
        await File.WriteAllTextAsync(Name(folder, 3), Mark + events[2] + events[3]);
        await using var server = Start(folder, _rules);
        await using var client = await server.SubscribeAsync(lastEventId: "earliest");
        Assert.That(await client.NextDataAsync(4), Is.EqualTo(_oneToFour));
    }

    [Test]
    public async Task What_a_power_cut_took_along_is_missing_also_where_a_journal_has_been_cleaned()
    {
        using var folder = new TempFolder();
        string[] before;
        string lost, kept;
        await using (var server = Start(folder, _rules))
        {
            await PublishAsync(server, "orders/1", 1);
            await using var early = await server.SubscribeAsync("?channel=orders/1");
            (kept, before) = (PositionOf(early), folder.JournalTexts);
            await PublishAsync(server, "orders/1", 2, 3);
            await using var client = await server.SubscribeAsync("?channel=orders/1");
            lost = PositionOf(client);
        }

        await File.WriteAllTextAsync(folder.Journals.Single(), before.Single());
        await using (var server = Start(folder, _rules))
        {
            await PublishPricesAsync(server);
            await UntilSmallAsync(server, folder);
        }

        await using var after = Start(folder, _rules);
        await PublishAsync(after, "orders/1", 4);
        await ExpectAsync(after, "orders/1", kept, "4");
        await using var back = await after.SubscribeAsync("?channel=orders/1", lost);
        Assert.That((await back.NextAsync()).EventType, Is.EqualTo("gap"));
    }

    private static TestServer Start(TempFolder folder, string[] rules) =>
        KeepingByRules.Start(rules, o => o with { Data = folder.Path, History = 64 * 1024, PresenceLimit = 0 });

    // Each batch fills a file.
    private static async Task PublishPricesAsync(TestServer server)
    {
        for (var i = 0; i < 20; i++)
            await PublishBatchAsync(server, $"prices/{i % 5}", 500);
    }

    // Of 60 KB for each batch.
    private static Task UntilSmallAsync(TestServer server, TempFolder folder) =>
        Wait.UntilAsync(() => folder.Journals.Length <= 3 && folder.JournalTexts.Sum(text => text.Length) < 150_000, $"it stays large: {server.Logged}");

    private static async Task ExpectAsync(TestServer server, string channel, string place, params string[] data)
    {
        await using var client = await server.SubscribeAsync($"?channel={channel}", place);
        Assert.That(await client.NextDataAsync(data.Length), Is.EqualTo(data), channel);
        if (data.Length == 0)
            await server.ExpectNothingArrivedAsync(client, channel);
    }

    private static async Task PostAsync(TestServer server, string path, string json)
    {
        using var answer = await server.PostAsync(path, "application/json", json);
        Assert.That((int)answer.StatusCode, Is.EqualTo(200), await answer.Content.ReadAsStringAsync());
    }

    private static string Name(TempFolder folder, int first) => Path.Combine(folder.Path, $"journal-{first:d20}.sse");
}
