using System.Text.RegularExpressions;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>The systemd unit of <c>SseListener/Deploy</c>.</summary>
public sealed class SystemdUnits
{
    private const string Unit = "sse-listener.service";
    private const string Program = "/opt/sse-listener/SseListener";

    [Test]
    public async Task Its_program_takes_its_options()
    {
        using var folder = new TempFolder();
        await File.WriteAllTextAsync(Path.Combine(folder.Path, "publish-token"), "a-token");
        var data = Path.Combine(folder.Path, "data");
        var unit = Deployed.Read(Unit, ("/var/lib/sse-listener", data), ("${CREDENTIALS_DIRECTORY}", folder.Path));
        var arguments = Regex.Match(unit, $@"^ExecStart={Program} \\\n((?:.*\\\n)*.*)$", RegexOptions.Multiline).Groups[1].Value;
        var (program, port) = await BuiltProgram.ListenAsync(arguments.Replace("\\\n", "", StringComparison.Ordinal));
        using var running = program;
        using var http = new HttpClient { BaseAddress = new Uri($"http://localhost:{port}"), Timeout = Wait.Limit };
        await using var stream = await EventStream.OpenAsync(http, "/events");
        Assert.That(File.Exists(Path.Combine(data, "lock")), Is.True);
    }

    [Test]
    public async Task Systemd_finds_no_fault_with_it_and_little_that_it_leaves_open()
    {
        var analyze = OtherPrograms.SystemdAnalyze();
        using var folder = new TempFolder();
        var unit = Path.Combine(folder.Path, Unit);

        // The program has to be there.
        await File.WriteAllTextAsync(unit, Deployed.Read(Unit, (Program, "/bin/true")));
        Assert.That(await RunAsync(analyze, $"verify {unit}", folder.Path), Is.Empty);

        // In tenths of its own scale, on which 10 is a service that is not restricted at all.
        await RunAsync(analyze, $"security --offline=true --threshold=20 {unit}", folder.Path);
    }

    private static async Task<string> RunAsync(string program, string arguments, string directory)
    {
        using var running = BuiltProgram.Execute(program, arguments, directory);
        Assert.That(await running.EndAsync(), Is.Zero, running.Output + running.Errors);
        return running.Errors;
    }
}
