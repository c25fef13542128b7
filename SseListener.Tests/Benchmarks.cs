using System.Text.Json;
using System.Text.RegularExpressions;
using SseListener.Bench;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>The verdict of <c>bench</c>. What it measures is not asserted: that depends on the machine.</summary>
public sealed class Benchmarks
{
    private static readonly TimeSpan _limit = TimeSpan.FromMinutes(6);

    [Test]
    public async Task A_small_one_has_every_workload_and_finds_nothing_wrong()
    {
        using var bench = BuiltProgram.Start("bench --clients 50 --events 100 --rate 500");
        Assert.That(await bench.EndAsync(_limit), Is.Zero, bench.Errors + bench.Output);
        var workloads = Regex.Matches(bench.Output, "^([a-z ]+): [0-9,]+ (?:clients|connection)", RegexOptions.Multiline).Select(match => match.Groups[1].Value);
        Assert.That(workloads, Is.EqualTo((string[])["burst", "paced", "crowd", "catching up", "publishing", "batches"]));
        Assert.That(bench.Output, Does.Match(@"sselistener +naive +sockets +of naive +of sockets").And.Not.Contain("WRONG"));
    }

    [Test]
    public async Task Hubs_that_share_a_log_are_measured_beside_one_with_a_journal()
    {
        OtherPrograms.NatsServer();
        using var bench = BuiltProgram.Start("bench --cluster --events 20 --rate 100");
        Assert.That(await bench.EndAsync(_limit), Is.Zero, bench.Errors + bench.Output);
        var tables = Regex.Matches(bench.Output, @"^([a-z ]+): .*\n +(.*?)  +of ", RegexOptions.Multiline);
        Assert.That(tables.Select(table => (table.Groups[1].Value, Regex.Replace(table.Groups[2].Value, "  +", ", "))), Is.EqualTo(((string, string)[])
            [("publishing", "journal, 1 node, 3 nodes"), ("same hub", "journal, 1 node, 3 nodes"), ("other hub", "1 node, 3 nodes")]));
        Assert.That(bench.Output, Does.Not.Contain("WRONG"));
    }

    [Test]
    public async Task A_running_server_is_measured_at_its_URL_and_the_result_can_be_JSON()
    {
        await using var server = TestServer.Start(o => o with { PresenceLimit = 0 });
        using var bench = BuiltProgram.Start($"bench --url http://127.0.0.1:{server.Port}/events --clients 20 --events 50 --rate 0 --json");
        Assert.That(await bench.EndAsync(_limit), Is.Zero, bench.Errors);
        using var report = JsonDocument.Parse(bench.Output);
        Assert.That(report.RootElement.GetProperty("faultless").GetBoolean(), Is.True);
        Assert.That(report.RootElement.GetProperty("measurements")[0].GetProperty("delivered").GetInt64(), Is.EqualTo(20 * 50));
    }

    [Test]
    public Task A_server_that_loses_an_event_is_found_out() =>
        ExpectAsync("5 lost, 0 doubled, 0 out of order", body => IsNumber(body, 7) ? [] : [body]);

    [Test]
    public Task A_server_that_doubles_an_event_is_found_out() =>
        ExpectAsync("0 lost, 5 doubled, 0 out of order", body => IsNumber(body, 7) ? [body, body] : [body]);

    [Test]
    public Task A_server_that_reorders_events_is_found_out()
    {
        string? held = null;
        return ExpectAsync("0 lost, 0 doubled, 5 out of order", body =>
        {
            (var before, held) = (held, IsNumber(body, 7) ? body : null);
            return IsNumber(body, 7) ? [] : before is null ? [body] : [body, before];
        });
    }

    [Test]
    public Task A_faultless_server_is_found_faultless() => ExpectAsync(wrong: null, body => [body]);

    [Test]
    public async Task A_signal_ends_it_with_the_server_that_it_has_started()
    {
        using var bench = BuiltProgram.Start("bench --clients 50");
        int[] servers = [];
        await Wait.UntilAsync(() => (servers = bench.Children()).Length > 0, "it starts no server");
        bench.Signal("TERM");
        Assert.That(await bench.EndAsync(), Is.EqualTo(143));
        foreach (var server in servers)
            Assert.That(Directory.Exists($"/proc/{server}"), Is.False);
    }

    [TestCase("--url ftp://127.0.0.1/", "no http URL", 1)]
    [TestCase("--url http://127.0.0.1:1/events", "cannot be reached", 1)]
    [TestCase("--clients 0", "from 1 to 20000", 2)]
    [TestCase("--size x", "from 64 to", 2)]
    public async Task What_cannot_be_measured_is_said(string arguments, string problem, int exitCode)
    {
        using var bench = BuiltProgram.Start($"bench {arguments}");
        Assert.That(await bench.EndAsync(_limit), Is.EqualTo(exitCode));
        await bench.LogsAsync(problem);
    }

    [TestCase(new long[] { 1 }, 0.5, 1)]
    [TestCase(new long[] { 15, 16, 17 }, 0.99, 17)]
    [TestCase(new long[] { 100, 1000, 1_000_000 }, 0.5, 1000)]
    [TestCase(new long[] { 100, 1000, 1_000_000 }, 0.1, 100)]
    [TestCase(new[] { long.MaxValue }, 0.5, long.MaxValue)]
    public void A_quantile_is_right_to_a_sixteenth(long[] ticks, double part, double expected)
    {
        var histogram = new Histogram();
        foreach (var value in ticks)
            histogram.Add(value);

        var milliseconds = expected * 1000 / System.Diagnostics.Stopwatch.Frequency;
        Assert.That(histogram.Quantile(part), Is.InRange(milliseconds, milliseconds * 17 / 16));
    }

    private static bool IsNumber(string body, int number) => body.Contains($"\"i\":{number},", StringComparison.Ordinal);

    private static async Task ExpectAsync(string? wrong, Func<string, IEnumerable<string>> flaw)
    {
        using var server = new FaultyServer(flaw);
        using var bench = BuiltProgram.Start($"bench --url {server.Url} --clients 5 --events 20 --rate 0");
        Assert.That(await bench.EndAsync(_limit), Is.EqualTo(wrong is null ? 0 : 1), bench.Errors);
        Assert.That(bench.Output, wrong is null ? Does.Not.Contain("WRONG") : Does.Contain($"WRONG: {wrong}"));
    }
}
