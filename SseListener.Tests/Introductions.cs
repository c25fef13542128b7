using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>The lines that the built program prints when it listens: where its page is, who may publish, where history is kept.</summary>
public sealed class Introductions
{
    [TestCase("", "programs on this machine")]
    [TestCase("--trust-proxy", "programs on this machine, and all whom the proxy lets through")]
    [TestCase("--publish-token a", "takes the publish token")]
    [TestCase("--jwt-key \"KEY\" --private *", "takes signed tokens")]
    [TestCase("--jwt-key \"KEY\" --publish-token a", "takes the publish token and signed tokens")]
    [TestCase("--open-publish --host +", "anyone")]
    [TestCase("--host +", "refused: see --publish-token")]
    public async Task The_second_line_says_who_may_publish(string arguments, string publishers)
    {
        var (program, _) = await BuiltProgram.ListenAsync(arguments.Replace("KEY", Jwt.Secret, StringComparison.Ordinal));
        using var running = program;
        await program.WritesAsync($"\n> publishing: {publishers}\n> ");
    }

    [TestCase("", "in memory, 64MiB and 24h")]
    [TestCase("--data FOLDER/data --history 1MiB --history-age 90m", "FOLDER/data, 1MiB and 90m")]
    [TestCase("--history 0 --keep prices/*=1", "in memory, nothing, some channels by --keep")]
    public async Task The_third_line_says_where_history_is_kept(string arguments, string history)
    {
        using var folder = new TempFolder();
        var (program, _) = await BuiltProgram.ListenAsync(arguments.Replace("FOLDER", folder.Path, StringComparison.Ordinal));
        using var running = program;
        await program.WritesAsync("\n> history: ");
        Assert.That(program.Output, Does.EndWith("\n> history: " + history.Replace("FOLDER", folder.Path, StringComparison.Ordinal)));
    }

    [Test]
    public async Task The_history_of_a_cluster_is_in_its_stream()
    {
        using var nats = await NatsServer.StartAsync();
        var (program, _) = await BuiltProgram.ListenAsync($"--cluster {nats.Address} --cluster-replicas 1 --cluster-stream there");
        using var running = program;
        await program.WritesAsync("\n> history: in the cluster's stream \"there\", 64MiB and 24h");
    }

    // A reader of the first line has the others with it, and none is between them.
    [Test]
    public async Task They_are_written_at_once()
    {
        var port = TestServer.FreePort();
        var start = $"exec dotnet '{BuiltProgram.File}' --port {port} --data none";
        using var program = BuiltProgram.Shell($"{start} > >(dd bs=64k count=1 status=none)");
        await program.WritesAsync("> history: ");
        Assert.That(program.Output, Does.Match($"^> http://localhost:{port}\n> publishing: .*\n> history: .*$"));
    }
}
