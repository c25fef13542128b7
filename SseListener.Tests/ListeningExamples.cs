using System.Diagnostics;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>The programs of <c>SseListener/Docs/examples</c> that listen.</summary>
public sealed class ListeningExamples
{
    private const string Channel = "/events?channel=orders/42";

    private static readonly string[] _files = ["listen.cs", "listen.py", "listen.mjs"];

    [Test]
    public async Task A_listener_comes_back_by_itself_and_has_each_event_once(
        [ValueSource(nameof(_files))] string file, [Values("TERM", "KILL")] string signal)
    {
        using var data = new TempFolder();
        var options = $"--data {data.Path} --retry 500ms --drain 0";
        var (program, port) = await BuiltProgram.ListenAsync(options);
        using var first = program;
        using var listener = await StartAsync(file, port);
        await PublishAsync(port, "1");
        await listener.WritesAsync("paid: 1");
        program.Signal(signal);
        await program.EndAsync();

        // On another port, where the listener cannot come back before it is published.
        var (other, otherPort) = await BuiltProgram.ListenAsync(options);
        using (other)
        {
            await PublishAsync(otherPort, "2");
            other.Signal("TERM");
            await other.EndAsync();
        }

        using var again = await BuiltProgram.ListenAgainAsync(port, options);
        await listener.WritesAsync("paid: 2");
        await PublishAsync(port, "3");
        await listener.WritesAsync("paid: 3");
        Assert.That(Lines(listener), Is.EqualTo((string[])["connected", "paid: 1", "connected", "paid: 2", "paid: 3"]));
    }

    [TestCaseSource(nameof(_files))]
    public async Task A_listener_says_when_there_is_a_gap_and_has_what_is_kept(string file)
    {
        const string Options = "--retry 500ms --drain 0";
        var (program, port) = await BuiltProgram.ListenAsync(Options);
        using var first = program;
        using var listener = await StartAsync(file, port);
        await PublishAsync(port, "1");
        await listener.WritesAsync("paid: 1");
        program.Signal("KILL");
        await program.EndAsync();
        using var again = await BuiltProgram.ListenAgainAsync(port, Options);
        await PublishAsync(port, "2");
        await listener.WritesAsync("paid: 2");
        Assert.That(Lines(listener), Is.EqualTo((string[])["connected", "paid: 1", "connected", "gap", "paid: 2"]));
    }

    [TestCaseSource(nameof(_files))]
    public async Task A_listener_waits_for_as_long_as_it_is_told(string file)
    {
        // Longer than each of them waits by itself, and shorter than the test waits for it.
        await using var server = TestServer.Start(o => o.EndingBy("max-age") with { Retry = TimeSpan.FromSeconds(10) });
        using var listener = await StartAsync(file, server.Port);
        await Wait.UntilAsync(() => server.Server.Clients.Count == 0, "its stream does not end");
        var ended = Stopwatch.GetTimestamp();
        await listener.WritesAsync("connected: ", times: 2);
        Assert.That(Stopwatch.GetElapsedTime(ended), Is.GreaterThan(TimeSpan.FromSeconds(4)));
    }

    [TestCaseSource(nameof(_files))]
    public async Task A_listener_is_over_with_its_channel(string file)
    {
        await using var server = TestServer.Start(o => o with { Retry = TimeSpan.FromMilliseconds(100) });
        using var listener = await StartAsync(file, server.Port);
        using var answer = await server.PostAsync(Channel + "&end=1", "text/plain", "the last");
        await listener.WritesAsync("message: the last");
        await listener.EndsWellAsync();
    }

    [TestCaseSource(nameof(_files))]
    public async Task A_listener_that_is_refused_says_why_and_does_not_try_again(string file)
    {
        await using var server = TestServer.Start(o => o with { JwtKey = SignedTokens.Key(Jwt.Secret), Private = ["orders/*"] });
        using var listener = await Example.StartAsync(file, $"http://localhost:{server.Port}{Channel}");
        Assert.That(await listener.EndAsync(), Is.Not.Zero);
        Assert.That(listener.Errors, Does.Contain(file == "listen.mjs" ? "401" : "orders/42 is private"));
        await server.ExpectMetricAsync("""sse_connects_refused_total{reason="missing_token"}""", 1);
    }

    private static async Task<BuiltProgram> StartAsync(string file, int port)
    {
        var listener = await Example.StartAsync(file, $"http://localhost:{port}{Channel}");
        await listener.WritesAsync("connected: {\"client\":");
        return listener;
    }

    // Without the clients' ids, and what a gap is.
    private static string[] Lines(BuiltProgram listener) =>
        [.. from line in listener.Output.Split('\n') select line.StartsWith("paid", StringComparison.Ordinal) ? line : line.Split(':')[0]];

    private static Task PublishAsync(int port, string data) =>
        BuiltProgram.PublishAsync(port, $$"""{"type":"paid","data":{{data}}}""", Channel);
}
