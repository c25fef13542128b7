using System.Globalization;
using System.Text.RegularExpressions;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>How an EventSource of the npm package of this name comes back, and that it misses nothing.</summary>
public sealed class EventSources
{
    // Writes what each of so many does, with the milliseconds of each attempt.
    private const string Script = """
        import { EventSource } from 'eventsource';
        const [url, count] = process.argv.slice(2);
        for (let i = 0; i < count; i++) {
          const source = new EventSource(url, {
            fetch: (url, init) => {
              console.log(`${i} attempts at ${Math.round(performance.now())}.`);
              return fetch(url, init);
            },
          });
          source.onopen = () => console.log(`${i} opened.`);
          source.onerror = error => console.log(`${i} ended: ${error.message ?? 'whole'}.`);
          source.onmessage = message => console.log(`${i} received ${message.data}.`);
        }
        """;

    [Test]
    public async Task It_receives_each_event_at_once()
    {
        await using var server = TestServer.Start();
        using var source = await StartAsync(server.Port);
        await source.WritesAsync("0 opened.");
        for (var i = 0; i < 3; i++)
        {
            await server.PublishAsync($$"""{"data":{{i}}}""");
            await source.WritesAsync($"0 received {i}.");
        }
    }

    [TestCase("TERM")]
    [TestCase("KILL")]
    public async Task What_was_published_while_it_was_away_arrives_though_it_had_no_event_before(string signal)
    {
        using var data = new TempFolder();
        var arguments = $"--data {data.Path} --retry 300ms --drain 0";
        var (program, port) = await BuiltProgram.ListenAsync(arguments);
        using var source = await StartAsync(port);
        using (program)
        {
            await source.WritesAsync("0 opened.");
            program.Signal(signal);
            await program.EndAsync();
        }

        await source.WritesAsync(signal == "TERM" ? "0 ended: whole." : "0 ended: ");

        // On another port, where the source cannot come back before it is published.
        var (meanwhile, otherPort) = await BuiltProgram.ListenAsync(arguments);
        using (meanwhile)
        {
            await BuiltProgram.PublishAsync(otherPort, """{"text":"missed"}""");
            meanwhile.Signal("TERM");
            Assert.That(await meanwhile.EndAsync(), Is.Zero);
        }

        using var restarted = await BuiltProgram.ListenAgainAsync(port, arguments);
        await source.WritesAsync("0 received missed.");
    }

    [Test]
    public async Task What_was_published_after_its_stream_had_grown_too_old_arrives_too()
    {
        await using var server = TestServer.Start(o => o.EndingBy("max-age") with { Retry = TimeSpan.FromSeconds(3) });
        await Wait.UntilAsync(async () =>
        {
            using var source = await StartAsync(server.Port);
            await source.WritesAsync("0 ended: whole.");
            await server.PublishAsync("""{"data":"missed"}""");
            var hasMissed = server.Server.Clients.Count == 0;
            await source.WritesAsync("0 received \"missed\".");
            return hasMissed;
        }, "it is back each time before it could miss something");
    }

    [Test]
    public async Task All_come_back_from_a_stop_that_takes_longer_than_they_wait()
    {
        const int Count = 10;
        using var data = new TempFolder();
        var arguments = $"--data {data.Path} --retry 200ms --drain 2s";
        var (program, port) = await BuiltProgram.ListenAsync(arguments);
        using var sources = await StartAsync(port, Count);
        using (program)
        {
            await sources.WritesAsync(" opened.", Count);
            program.Signal("TERM");
            Assert.That(await program.EndAsync(), Is.Zero);
        }

        // The first to be sent away try again while others still have their streams, and are not answered.
        await Wait.UntilAsync(() => Attempts(sources).Count() > 2 * Count, "they do not try again");
        using var restarted = await BuiltProgram.ListenAgainAsync(port, arguments);
        await sources.WritesAsync(" opened.", 2 * Count);
        await BuiltProgram.PublishAsync(port, """{"text":"again"}""");
        await sources.WritesAsync(" received again.", Count);
        Assert.That(Pauses(sources), Has.All.GreaterThan(140), "each waits for what it was told, 200 ms less a quarter at least");
    }

    [Test]
    public async Task It_comes_in_once_there_is_room()
    {
        await using var server = TestServer.Start(o => o with { MaxClients = 1 });
        await using var other = await server.SubscribeAsync();
        using var source = await StartAsync(server.Port);
        await source.WritesAsync("0 ended: ");
        await other.DisposeAsync();
        await source.WritesAsync("0 opened.");

        // It has not been told anything else than the package's own 3 s.
        Assert.That(Pauses(source), Has.All.GreaterThan(2900));
        await server.ExpectMetricAsync("""sse_connects_refused_total{reason="client_limit"}""", Attempts(source).Count() - 1);
    }

    private static Task<BuiltProgram> StartAsync(int port, int count = 1) =>
        RealClient.NodeAsync(Script, $"http://127.0.0.1:{port}/events", count.ToString(CultureInfo.InvariantCulture));

    private static IEnumerable<(string Source, int Time)> Attempts(BuiltProgram sources) =>
        from Match attempt in Regex.Matches(sources.Output, @"(\d+) attempts at (\d+)\.")
        select (attempt.Groups[1].Value, int.Parse(attempt.Groups[2].Value, CultureInfo.InvariantCulture));

    // The milliseconds between any two attempts of one source.
    private static IEnumerable<int> Pauses(BuiltProgram sources) =>
        from attempts in Attempts(sources).GroupBy(attempt => attempt.Source, attempt => attempt.Time)
        from pause in attempts.Skip(1).Zip(attempts, (later, earlier) => later - earlier)
        select pause;
}
