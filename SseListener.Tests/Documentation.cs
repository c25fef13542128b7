using System.Text.RegularExpressions;
using SseListener.Cli;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>What the README says is so.</summary>
public sealed class Documentation
{
    private static readonly string _readme = Readme.Text;

    [Test]
    public void The_options_table_lists_every_option_with_its_variable_its_default_and_its_help()
    {
        var rows = Regex.Matches(_readme, @"^\| `--.*$", RegexOptions.Multiline).Select(match => match.Value);
        Assert.That(rows, Is.EqualTo(CommandLine.Knobs.Select(knob => $"| `{knob.Argument}` | `{knob.Variable}` | {Default(knob)} | {knob.Help} |")));
    }

    [Test]
    public async Task The_transcript_is_what_happens()
    {
        await using var server = TestServer.Start();
        using var raw = new RawRequest(server.Port);
        await raw.SendAsync($"GET /events HTTP/1.1\r\nHost: localhost:{server.Port}\r\n\r\n");
        await raw.ReadUntilAsync("\n\n\r\n");
        await server.PublishAsync("""{"type":"alert","data":{"nested":"here"}}""");
        await raw.ReadUntilAsync("nested\":\"here\"}\n");
        await raw.ReadUntilAsync("\n\n\r\n");
        var promised = Regex.Match(_readme, "event: hello\n.*?\nid: .{10}\n\n", RegexOptions.Singleline).Value;
        Assert.That(WithoutChance(raw.Body), Is.EqualTo(WithoutChance(promised)));
    }

    [Test]
    public async Task Its_curl_lines_do_what_it_says()
    {
        var curls = Regex.Matches(_readme, @"^(?:\$ )?(curl .*?)(?: {2,}#.*)?$", RegexOptions.Multiline).Select(match => match.Groups[1].Value.TrimEnd()).ToArray();
        Assert.That(curls, Has.Length.EqualTo(8));
        await using var server = TestServer.Start();
        foreach (var curl in curls.Where(line => !line.Contains(" -N ", StringComparison.Ordinal)))
        {
            // The same request without curl, which a fresh machine may not have.
            var path = Regex.Match(curl, "localhost:3000([^' ]*)").Groups[1].Value;
            if (!curl.Contains(" -d ", StringComparison.Ordinal) && !curl.Contains(" --data-binary ", StringComparison.Ordinal))
            {
                Assert.That(await server.Http.GetStringAsync(new Uri(path, UriKind.Relative)), Does.Contain("\"clients\""), curl);
                continue;
            }

            var type = Regex.Match(curl, "Content-Type: ([^']*)").Groups[1].Value;
            var body = Regex.Match(curl, "(?:-d|--data-binary) '([^']*)'").Groups[1].Value;
            using var answer = await server.PostAsync(path, type, body);
            Assert.That(await answer.Content.ReadAsStringAsync(), Does.Match("""^\{"id":".{10}"\}$"""), curl);
        }

        await using var all = await server.SubscribeAsync("?lastEventId=earliest");
        Assert.That((await all.NextAsync()).Data, Is.EqualTo("""{"nested":"here"}"""));
        var note = await all.NextAsync();
        Assert.That(note.EventType, Is.EqualTo("note"));
        Assert.That(note.Data, Is.EqualTo("any text, verbatim"));
    }

    [Test]
    public async Task Its_metrics_are_those_that_there_are()
    {
        await using var server = TestServer.Start();
        var there = Regex.Matches(await server.MetricsAsync(), "^# TYPE (sse_[a-z_]+)", RegexOptions.Multiline).Select(match => match.Groups[1].Value);
        var told = Regex.Matches(_readme, "^\\| `(?:sse|dotnet)_.*$", RegexOptions.Multiline).SelectMany(row => Regex.Matches(row.Value, "`(sse_[a-z_]+)").Select(match => match.Groups[1].Value));
        Assert.That(told.Append("sse_build_info"), Is.EquivalentTo(there));
    }

    private static string WithoutChance(string stream) =>
        Regex.Replace(stream, "\"client\":\"[^\"]*\"|retry: [0-9]+|id: .*", "…");

    // The number of lanes depends on the machine.
    private static string Default(Knob knob) => knob.Name == "lanes" ? "half the processors, at least one" : $"`{knob.Default}`";
}
