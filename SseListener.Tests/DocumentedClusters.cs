using System.Net.Http.Headers;
using System.Net.ServerSentEvents;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>What <c>SseListener/Docs/cluster.md</c> tells its readers to do, done as it says but for the ports.</summary>
public sealed class DocumentedClusters
{
    private static readonly Document _document = new("SseListener/Docs/cluster.md");

    [Test]
    public async Task The_five_commands_are_a_cluster()
    {
        var lines = _document.Blocks("bash")[0].TrimEnd().Split('\n');
        Assert.That(lines, Has.Length.EqualTo(5));
        using var place = new Place();
        using var nats = place.Run(lines[0]);
        await nats.LogsAsync("Server is ready");
        using var one = place.Run(lines[1]);
        await one.WritesAsync("> http");
        using var other = place.Run(lines[2]);
        await other.WritesAsync("> http");
        using var listener = place.Run(lines[3]);
        await listener.WritesAsync("event: hello");
        using var publisher = place.Run(lines[4]);
        await publisher.EndsWellAsync();
        Assert.That(publisher.Output, Does.Match("""^\{"id":".{10}"\}$"""));
        await listener.WritesAsync("data: {\"by\":\"card\"}\nid: " + publisher.Output.Split('"')[3]);
    }

    [Test]
    public async Task A_journal_is_published_again_with_its_ids_and_twice_is_once()
    {
        using var data = new TempFolder();
        var (before, last) = await WriteJournalAsync(data);
        using var nats = await NatsServer.StartAsync();
        await using var hub = ManyHubs.Hub(nats, options => options with { PublishToken = "a-token", History = 64 * 1024 * 1024 });
        for (var i = 0; i < 2; i++)
            Assert.That(await RepublishAsync(data, hub), Is.EqualTo($"{before.Count} events and ends"));

        await using var stream = await hub.SubscribeAsync("?channel=room/*&channel=default", "earliest");
        foreach (var item in before)
            Assert.That(await stream.NextAsync(), Is.EqualTo(item));

        // A client of the old server that has an event's id goes on behind it.
        await using var resumed = await hub.SubscribeAsync("?channel=room/*", last);
        Assert.That(await resumed.NextAsync(), Is.EqualTo(before[^1]));
    }

    [Test]
    public async Task A_journal_with_ends_deleted_channels_and_rules_is_published_again_and_twice_is_once()
    {
        using var data = new TempFolder();
        await WriteChangesAsync(data);
        using var nats = await NatsServer.StartAsync();
        await using var hub = ManyHubs.Hub(nats, options => options with { PublishToken = "a-token", History = 64 * 1024 * 1024 });
        await using var listener = await hub.SubscribeAsync("?channel=room/*&channel=chat/*&channel=prices/*&channel=the/*");
        for (var i = 0; i < 2; i++)
            Assert.That(await RepublishAsync(data, hub), Does.Match("^[0-9]+ events and ends$"));

        hub.Http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", "a-token");
        await PostAsync(hub, "channel=the/last", "the last");
        List<string> got = [];
        while (await listener.NextAsync() is { Data: not "the last" } item)
            got.Add(item.EventType == "end" ? item.Data : $"{item.Data} {item.EventId}".TrimStart('"', 'x'));

        Assert.That(got, Is.Unique);
        Assert.That(got.Where(text => !text.StartsWith(" price", StringComparison.Ordinal)), Is.EqualTo((string[])
            ["1 both", "2 a", "3 b", "4 ended", """{"ended":"chat/1"}""", """{"ended":"chat/2"}""", "8 only", "6 new"]));
        await ExpectAsync(hub, "room/a", "1 both", "2 a");
        await ExpectAsync(hub, "room/b", "1 both", "3 b");
        await ExpectAsync(hub, "room/gone", "6 new");
        await ExpectAsync(hub, "room/still", "8 only");
    }

    [Test]
    public async Task The_table_of_metrics_has_those_that_a_hub_has_beside_the_others()
    {
        using var nats = await NatsServer.StartAsync();
        await using var hub = ManyHubs.Hub(nats);
        await hub.PublishAsync("""{"data":1}""");
        var there = Regex.Matches(await hub.MetricsAsync(), "^# TYPE (sse_cluster_[a-z_]+)", RegexOptions.Multiline).Select(found => found.Groups[1].Value);
        var told = Regex.Matches(_document.Text, @"^\| `(sse_[a-z_]+)", RegexOptions.Multiline).Select(found => found.Groups[1].Value);
        Assert.That(told, Is.EquivalentTo(there));
    }

    private static async Task<string> RepublishAsync(TempFolder data, TestServer hub)
    {
        var command = _document.Line("python3 ")["python3 ".Length..]
            .Replace("localhost:3001", $"127.0.0.1:{hub.Port}", StringComparison.Ordinal)
            .Replace(" data ", $" '{data.Path}' ", StringComparison.Ordinal);
        using var script = BuiltProgram.Shell($"cd '{Document.Repository}' && SSE_PUBLISH_TOKEN=a-token exec '{OtherPrograms.Python()}' {command}");
        await script.EndsWellAsync();
        return script.Output;
    }

    private static async Task ExpectAsync(TestServer hub, string channel, params string[] expected)
    {
        using var answer = await hub.SendAsync("GET", "/events?channel=" + channel, ("Accept", "application/json"));
        var events = JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement.GetProperty("events").EnumerateArray();
        Assert.That(events.Select(item => $"{item.GetProperty("data")} {item.GetProperty("id")}"), Is.EqualTo(expected), channel);

    }

    // With events of several channels, and with files from which the rules have dropped something.
    private static async Task WriteChangesAsync(TempFolder data)
    {
        await using var server = KeepingByRules.Start(["prices/*=1"], options => options with { Data = data.Path, History = 64 * 1024 });
        await PostAsync(server, "channel=room/a&channel=room/b&id=both", "1");
        await PostAsync(server, "", "{\"data\":2,\"id\":\"a\",\"channels\":[\"room/a\"]}\n{\"data\":3,\"id\":\"b\",\"channels\":[\"room/b\"]}\n", "application/x-ndjson");
        await PostAsync(server, "channel=chat/1&id=ended&end=1", "4");
        await PostAsync(server, "channel=chat/2&end=1", "");
        await PostAsync(server, "channel=room/gone&id=old", "5");
        await PostAsync(server, "channel=room/gone&channel=room/still&id=only", "8");
        using var deleted = await server.SendAsync("DELETE", "/channels/room/gone");
        await PostAsync(server, "channel=room/gone&id=new", "6");

        // Each batch fills a file.
        for (var i = 0; i < 3; i++)
            await PostAsync(server, "channel=prices/1", string.Concat(Enumerable.Range(1, 100).Select(n => $"{{\"data\":\"{new string('x', 700)}\",\"id\":\"price{i}-{n}\"}}\n")), "application/x-ndjson");

        await Wait.UntilAsync(() => data.JournalTexts.Count(text => text.Length > 60_000) <= 1, "nothing is cleaned");
    }

    private static async Task PostAsync(TestServer server, string query, string body, string type = "text/plain")
    {
        using var answer = await server.PostAsync("/events?" + query, type, body);
        answer.EnsureSuccessStatusCode();
    }

    // Returns what a client gets of it, and the id of the event before the last.
    private static async Task<(List<SseItem<string>> Items, string Last)> WriteJournalAsync(TempFolder data)
    {
        await using var server = TestServer.Start(options => options with { Data = data.Path });
        var count = 0;
        foreach (var text in (string[])["one", " two\n\n lines ", "", "\u00fc\u2028\"", ": no comment", "data: none"])
        {
            using var answer = await server.PostAsync("/events?channel=room/1&type=note&retry=5000&id=a%20b" + count++, "text/plain", text);
            answer.EnsureSuccessStatusCode();
        }

        using var batch = await server.PostAsync("/events?channel=room/2", "application/x-ndjson", "{\"data\":{\"a\":[1,2]}}\n{\"data\":\"text\",\"type\":\"x\"}\n");
        batch.EnsureSuccessStatusCode();

        // More than a server answers on one connection.
        for (count += 2; count < 300; count++)
            await server.PublishAsync($$"""{"data":{{count}}}""");

        var last = await server.PublishAsync("""{"data":"the last but one"}""", "room/3");
        await server.PublishAsync("""{"data":"the last"}""", "room/3");
        var items = new List<SseItem<string>>();
        await using var stream = await server.SubscribeAsync("?channel=room/*&channel=default", "earliest");
        for (count += 2; items.Count < count;)
            items.Add(await stream.NextAsync());

        return (items, last);
    }

    // A folder in which run.sh starts the program that is built already, and ports that nobody has.
    private sealed class Place : IDisposable
    {
        private readonly TempFolder _folder = new();
        private readonly (string Theirs, string Ours)[] _ports =
            [.. ((string[])["4222", "3001", "3002"]).Select(port => (port, $"{TestServer.FreePort()}"))];

        public Place()
        {
            var file = Path.Combine(_folder.Path, "run.sh");
            File.WriteAllText(file, $"#!/bin/sh\nexec dotnet '{BuiltProgram.File}' \"$@\"\n");
            OtherPrograms.Curl();
        }

        // In the shell's place, so that it is the program that ends with the test.
        public BuiltProgram Run(string line)
        {
            var command = new StringBuilder(line.TrimEnd('&', ' '));
            foreach (var (theirs, ours) in _ports)
                command.Replace(theirs, ours);

            var path = $"PATH=\"$PATH:{Path.GetDirectoryName(OtherPrograms.NatsServer())}\"";
            return BuiltProgram.Shell($"cd '{_folder.Path}' && chmod +x run.sh && {path} && exec {command}");
        }

        public void Dispose() => _folder.Dispose();
    }
}
