using System.Net;
using System.Text.RegularExpressions;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>The relay in C# that <c>SseListener/Docs/llm.md</c> shows, run with a model that counts. That in Node is run in <c>Browsing</c>.</summary>
public sealed class RelayingAnswers
{
    // A token every 10 ms: "0 ", "1 ", and so on. SIGTERM is the user who stops the answer.
    private const string Application = """
        using System.Runtime.CompilerServices;
        using System.Runtime.InteropServices;

        using var hub = new HttpClient { BaseAddress = new Uri(args[0]) };
        using var stop = new CancellationTokenSource();
        using var signal = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => { context.Cancel = true; stop.Cancel(); });
        await new Relay(hub).RunAsync("42", WriteAsync(int.Parse(args[1]), args[2]), stop.Token);

        static async IAsyncEnumerable<string> WriteAsync(int count, string behind, [EnumeratorCancellation] CancellationToken stop = default)
        {
            for (var i = 0; i < count; i++)
            {
                await Task.Delay(10, stop);
                yield return $"{i}{behind}";
            }
        }
        """;

    private const string Query = "?channel=llm/42";

    private static readonly Document _document = new("SseListener/Docs/llm.md");
    private static readonly TempFolder _folder = new();

    [OneTimeSetUp]
    public static Task BuildAsync() =>
        DocumentedExamples.BuildAsync(_folder.Path, Application, _document.Blocks("csharp").Single());

    [OneTimeTearDown]
    public static void Delete() => _folder.Dispose();

    [Test]
    public async Task Tokens_arrive_in_batches_in_order_and_once_and_then_the_end()
    {
        await using var hub = TestServer.Start();
        await using var reader = await hub.SubscribeAsync(Query);
        using var relay = Run(hub.Port, 200);
        Assert.That(await ReadToEndAsync(reader), Is.EqualTo(Tokens(200)));
        await relay.EndsWellAsync();
        Assert.That(Regex.Count(hub.Logged, "published 42-"), Is.InRange(1, 100));
    }

    [Test]
    public async Task A_stop_ends_the_answer_behind_what_was_written()
    {
        await using var hub = TestServer.Start();
        await using var reader = await hub.SubscribeAsync(Query);
        using var relay = Run(hub.Port, 100_000);
        var read = await reader.NextDataAsync(20);
        relay.Signal("TERM");
        read.AddRange(await ReadToEndAsync(reader));
        Assert.That(read, Is.EqualTo(Tokens(read.Count)));
        await relay.EndsWellAsync();
    }

    [Test]
    public async Task A_relay_that_was_killed_and_is_run_again_doubles_nothing()
    {
        await using var hub = TestServer.Start();
        await using var reader = await hub.SubscribeAsync(Query);
        using var killed = Run(hub.Port, 100_000);
        var read = await reader.NextDataAsync(20);
        killed.Signal("KILL");
        using var again = Run(hub.Port, 200);
        read.AddRange(await ReadToEndAsync(reader));
        Assert.That(read, Is.EqualTo(Tokens(Math.Max(read.Count, 200))));
        await again.EndsWellAsync();
    }

    [Test]
    public async Task A_model_that_writes_something_else_the_second_time_gets_no_token_in_and_ends_the_answer()
    {
        await using var hub = TestServer.Start();
        await using var reader = await hub.SubscribeAsync(Query);
        using var killed = Run(hub.Port, 100_000);
        var read = await reader.NextDataAsync(20);
        killed.Signal("KILL");
        using var other = Run(hub.Port, 100_000, "!");
        read.AddRange(await ReadToEndAsync(reader));
        Assert.That(read, Is.EqualTo(Tokens(read.Count)));
        Assert.That(await other.EndAsync(), Is.Not.Zero);
        Assert.That(other.Errors, Does.Contain("There is another event with the id"));
    }

    [Test]
    public async Task A_hub_that_was_away_gets_the_rest_of_the_answer_and_no_token_twice()
    {
        using var data = new TempFolder();
        var options = $"--data {data.Path}";
        var (killed, port) = await BuiltProgram.ListenAsync(options);
        using var first = killed;
        using var http = new HttpClient { BaseAddress = new Uri($"http://localhost:{port}"), Timeout = Wait.Limit };
        await using var early = await EventStream.OpenAsync(http, "/events" + Query);
        using var relay = Run(port, 200);
        await early.NextDataAsync(20);
        killed.Signal("KILL");
        await killed.EndAsync();
        using var hub = await BuiltProgram.ListenAgainAsync(port, options);
        await using var late = await EventStream.OpenAsync(http, "/events" + Query, "earliest");
        Assert.That(await ReadToEndAsync(late), Is.EqualTo(Tokens(200)));
        await relay.EndsWellAsync();
    }

    [Test]
    public async Task One_request_carries_tokens_of_many_answers_unless_one_of_them_has_ended()
    {
        await using var hub = TestServer.Start();
        await using var reader = await hub.SubscribeAsync(Query);
        await using var other = await hub.SubscribeAsync("?channel=llm/43");
        var line = _document.Blocks("json").Single();
        Assert.That(await StatusAsync(hub, line + line.Replace("42", "43", StringComparison.Ordinal)), Is.EqualTo(HttpStatusCode.OK));
        foreach (var stream in (EventStream[])[reader, other])
            Assert.That((await stream.NextAsync()).Data, Is.EqualTo("\" token\""));

        using (await hub.PostAsync("/events?channel=llm/43&end=1", "text/plain", ""))
            await ReadToEndAsync(other);

        var next = line.Replace("17", "18", StringComparison.Ordinal);
        Assert.That(await StatusAsync(hub, next + next.Replace("42", "43", StringComparison.Ordinal)), Is.EqualTo(HttpStatusCode.Conflict));
        Assert.That(await StatusAsync(hub, next), Is.EqualTo(HttpStatusCode.OK));
        Assert.That(reader.LastEventId, Is.EqualTo("42-17"));
        Assert.That((await reader.NextAsync()).Data, Is.EqualTo("\" token\""));
    }

    private static async Task<HttpStatusCode> StatusAsync(TestServer hub, string lines)
    {
        using var answer = await hub.PostAsync("/events", "application/x-ndjson", lines);
        return answer.StatusCode;
    }

    private static BuiltProgram Run(int port, int tokens, string behind = "") =>
        DocumentedExamples.Run(_folder.Path, $"http://localhost:{port} {tokens} \"{behind} \"");

    private static IEnumerable<string> Tokens(int count) => Enumerable.Range(0, count).Select(number => $"\"{number} \"");

    // The data of what is left, up to the end, behind which the stream must be over.
    private static async Task<List<string>> ReadToEndAsync(EventStream reader)
    {
        var (read, hasEnded) = (new List<string>(), false);
        while (await reader.TryNextAsync().WaitAsync(Wait.Limit) is { } item)
        {
            hasEnded = item.EventType is "end";
            if (!hasEnded)
                read.Add(item.Data);
        }

        Assert.That(hasEnded, Is.True, "it breaks off");
        return read;
    }
}
