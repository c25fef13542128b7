using System.Net.ServerSentEvents;
using System.Text;
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
        var line = _document.Line("python3 ")["python3 ".Length..];
        var command = line.Replace("localhost:3001", $"127.0.0.1:{hub.Port}", StringComparison.Ordinal).Replace(" data ", $" '{data.Path}' ", StringComparison.Ordinal);
        for (var i = 0; i < 2; i++)
        {
            using var script = BuiltProgram.Shell($"cd '{Document.Repository}' && SSE_PUBLISH_TOKEN=a-token exec '{OtherPrograms.Python()}' {command}");
            await script.EndsWellAsync();
            Assert.That(script.Output, Is.EqualTo($"{before.Count} events"));
        }

        await using var stream = await hub.SubscribeAsync("?channel=room/*&channel=default", "earliest");
        foreach (var item in before)
            Assert.That(await stream.NextAsync(), Is.EqualTo(item));

        // A client of the old server that has an event's id goes on behind it.
        await using var resumed = await hub.SubscribeAsync("?channel=room/*", last);
        Assert.That(await resumed.NextAsync(), Is.EqualTo(before[^1]));
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
