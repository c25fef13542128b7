using System.Text.RegularExpressions;
using SseListener.Cli;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>What the built program says of itself: two screens for all of it, and a text for each verb.</summary>
public sealed class AskingForHelp
{
    private const int MostLines = 84;
    private const int MostColumns = 80;

    [TestCase("--help")]
    [TestCase("-h")]
    [TestCase("-?")]
    [TestCase("help")]
    public async Task It_has_all_options_in_their_groups_on_two_screens(string argument)
    {
        var lines = await LinesAsync(argument);
        Assert.That(lines, Has.Length.LessThanOrEqualTo(MostLines));
        foreach (var group in CommandLine.Groups)
        {
            var rows = lines.SkipWhile(line => line != group.Name).Skip(1).TakeWhile(line => line.Length > 0).ToArray();
            Assert.That(rows.Select(NameIn), Is.EqualTo(group.Options.Select(option => option.Name.ToUpperInvariant())));
            foreach (var (row, option) in rows.Zip(group.Options))
                Assert.That(row, Does.EndWith($"  {option.Help}{(option.Default is "none" or "false" ? "" : $" [{option.Default}]")}"));
        }

        // With a value, alone, more than once, and not as an argument.
        foreach (var start in (string[])["--port <N>", "--trust-proxy", "--cors <ORIGIN>…", "SSE_CLUSTER_PASSWORD"])
            Assert.That(lines, Has.Some.StartWith($"  {start}  "));
    }

    [Test]
    public async Task It_has_the_verbs_but_not_those_that_are_none_of_the_users()
    {
        var lines = (await LinesAsync("help")).SkipWhile(line => line != "Verbs").Skip(1).TakeWhile(line => line.Length > 0);
        string[] verbs = ["tail URL", "pub URL [DATA]", "token", "health [URL]", "bench", "help"];
        Assert.That(lines.Select(line => line.Split("  ")[1]), Is.SupersetOf(verbs));
        Assert.That(lines, Has.None.Contain("bench-"));
    }

    [TestCase("tail")]
    [TestCase("pub")]
    [TestCase("token")]
    [TestCase("health")]
    [TestCase("bench")]
    public async Task A_verb_has_a_help_of_its_own(string verb)
    {
        var lines = await LinesAsync($"{verb} --help");
        Assert.That(lines, Has.Some.Contain($"{verb} "));
        Assert.That(lines, Has.None.Contain("--port"));
        Assert.That(await LinesAsync($"help {verb}"), Is.EqualTo(lines));
    }

    [Test]
    public async Task Its_examples_work()
    {
        var lines = (await LinesAsync("help")).SkipWhile(line => line != "Examples").Skip(1).Select(line => line.Trim()).ToArray();
        using var folder = new TempFolder();
        await File.WriteAllTextAsync(Path.Combine(folder.Path, "token"), "a-token");
        var start = On(port: 0, lines[0], ("--port 8080 ", ""), ("/var/lib/sse", folder.Path + "/data"));
        var (server, port) = await BuiltProgram.ListenAsync(start, line => BuiltProgram.Start(line, folder.Path));
        using var running = server;
        using var tail = BuiltProgram.Start(On(port, lines[1]));
        await tail.LogsAsync("connected");
        using var refused = BuiltProgram.Start(On(port, lines[2]));
        Assert.That(await refused.EndAsync(), Is.EqualTo(1));
        using var pub = BuiltProgram.Start(On(port, lines[2]), null, ("SSE_TOKEN", "a-token"));
        await pub.EndsWellAsync();
        await tail.WritesAsync($"message {pub.Output} Hello, all.");
    }

    private static string NameIn(string row) =>
        Regex.Match(row, "^  (?:--|SSE_)([A-Za-z_-]+)").Groups[1].Value.ToUpperInvariant().Replace('_', '-');

    // The arguments of an example, for this port, and with these values in the place of its own.
    private static string On(int port, string line, params (string Theirs, string Ours)[] values)
    {
        var arguments = line["sse-listener ".Length..].Replace('\'', '"');
        return values.Append(("localhost:3000", $"localhost:{port}")).Aggregate(arguments, (text, value) =>
            text.Replace(value.Item1, value.Item2, StringComparison.Ordinal));
    }

    private static async Task<string[]> LinesAsync(string arguments)
    {
        using var program = BuiltProgram.Start(arguments);
        Assert.That(await program.EndAsync(), Is.Zero);
        Assert.That(program.Errors, Is.Empty);
        var lines = program.Output.Split('\n');
        Assert.That(lines.Where(line => line.Length > MostColumns), Is.Empty);
        return lines;
    }
}
