using System.Text.Json;
using SseListener.Log;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>The log: what a line is, and how many there are.</summary>
public sealed class LogLines
{
    [Test]
    public void Many_of_one_kind_are_counted_after_some_and_the_others_are_not()
    {
        Assert.That(Lines(LogFormat.Text, LogLevel.Info, log =>
        {
            for (var i = 0; i < 10; i++)
                log.Often(LogLevel.Info, "refused bad_request", $"refusal {i}");

            log.Often(LogLevel.Info, "connected", "a client");
            log.Info("something else");
        }).Select(line => line[25..]), Is.EqualTo((string[])
        [
            "info  refusal 0", "info  refusal 1", "info  refusal 2", "info  a client", "info  something else", "info  refused bad_request: 7 more of these within a minute",
        ]));
    }

    [Test]
    public void At_level_debug_all_are_written() =>
        Assert.That(Lines(LogFormat.Text, LogLevel.Debug, log =>
        {
            for (var i = 0; i < 10; i++)
                log.Often(LogLevel.Info, "connected", "a client");
        }), Has.Count.EqualTo(10));

    [Test]
    public void A_new_minute_begins_anew()
    {
        var repeats = new LogRepeats(most: 2);
        bool[] first = [repeats.MayWrite(LogLevel.Info, "a"), repeats.MayWrite(LogLevel.Info, "a"), repeats.MayWrite(LogLevel.Info, "a"), repeats.MayWrite(LogLevel.Info, "b")];
        Assert.That(first, Is.EqualTo((bool[])[true, true, false, true]));
        Assert.That(repeats.BeginMinute(), Is.EqualTo(((LogLevel, string, int)[])[(LogLevel.Info, "a", 1)]));
        Assert.That(repeats.MayWrite(LogLevel.Info, "a"), Is.True);
        Assert.That(repeats.BeginMinute(), Is.Empty);
    }

    [Test]
    public void A_JSON_line_is_an_object_whatever_the_message_holds()
    {
        const string Message = "quote \" back\\slash\r\n\u001b[31m \u009b31m \u007f é";
        var line = Lines(LogFormat.Json, LogLevel.Info, log => log.Often(LogLevel.Warning, "a kind", Message)).Single();
        Assert.That(line.Any(char.IsControl), Is.False);
        using var json = JsonDocument.Parse(line);
        Assert.That(json.RootElement.EnumerateObject().Select(member => member.Name), Is.EqualTo((string[])["time", "level", "kind", "message"]));
        Assert.That(json.RootElement.GetProperty("time").GetDateTimeOffset(), Is.EqualTo(DateTimeOffset.UtcNow).Within(TimeSpan.FromMinutes(1)));
        Assert.That(json.RootElement.GetProperty("level").GetString(), Is.EqualTo("warning"));
        Assert.That(json.RootElement.GetProperty("kind").GetString(), Is.EqualTo("a kind"));
        Assert.That(json.RootElement.GetProperty("message").GetString(), Is.EqualTo(Message));
    }

    [Test]
    public async Task A_flood_of_refusals_makes_some_lines_and_a_sum_with_the_reason()
    {
        var (program, port) = await BuiltProgram.ListenAsync("--log-format json --log-repeats 3");
        using var running = program;
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}"), Timeout = Wait.Limit };
        for (var i = 0; i < 20; i++)
        {
            using var refused = await http.GetAsync(new Uri($"/events?channel=bad%20name{i}", UriKind.Relative));
        }

        await using (var client = await EventStream.OpenAsync(http, "/events"))
        {
            program.Signal("TERM");
            Assert.That(await program.EndAsync(), Is.Zero);
        }

        var lines = program.Errors.Split('\n').Select(line => JsonDocument.Parse(line).RootElement).ToList();
        var refusals = lines.Where(line => line.TryGetProperty("kind", out var kind) && kind.GetString() == "refused bad_request").Select(line => line.GetProperty("message").GetString()).ToList();
        Assert.That(refusals, Has.Count.EqualTo(4));
        Assert.That(refusals[0], Does.Match(@"^GET /events from 127\.0\.0\.1:\d+ 400: A channel's name has"));
        Assert.That(refusals[3], Is.EqualTo("refused bad_request: 17 more of these within a minute"));
        Assert.That(lines.Select(line => line.TryGetProperty("kind", out var kind) ? kind.GetString() : ""), Does.Contain("stream ended server_stop"));
    }

    private static List<string> Lines(LogFormat format, LogLevel level, Action<LogWriter> write)
    {
        using var output = new LogText();
        using (var log = new LogWriter(output, level, format, repeats: 3))
        {
            write(log);
        }

        return [.. output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries)];
    }
}
