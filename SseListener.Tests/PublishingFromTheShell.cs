using System.Net;
using System.Net.Sockets;
using System.Text;
using SseListener.Cli;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary><c>pub</c>: events from a terminal and from scripts.</summary>
public sealed class PublishingFromTheShell
{
    private const string Problem = """{"type":"about:blank","title":"No","status":503,"detail":"Not now."}""";

    [Test]
    public async Task An_argument_is_an_event_whose_id_is_printed()
    {
        await using var server = TestServer.Start();
        await using var stream = await server.SubscribeAsync();
        using var pub = BuiltProgram.Start($"pub localhost:{server.Port} \" \\\"a\\\"\nb\" --type note");
        await pub.EndsWellAsync();
        var next = await stream.NextAsync();
        Assert.That((next.EventType, next.Data, next.EventId), Is.EqualTo(("note", " \"a\"\nb", pub.Output)));
        Assert.That(pub.Output, Does.Match("^[A-Za-z0-9_-]{10}$"));
        Assert.That(pub.Errors, Is.Empty);
    }

    [Test]
    public async Task JSON_stays_JSON_and_an_id_of_ones_own_is_published_once()
    {
        await using var server = TestServer.Start();
        await using var stream = await server.SubscribeAsync();
        var arguments = $"pub localhost:{server.Port} --json --id ä1 \"{{\\\"a\\\":\n[1, 2.50]}}\"";
        using var once = BuiltProgram.Start(arguments);
        await once.EndsWellAsync();
        using var again = BuiltProgram.Start(arguments);
        await again.EndsWellAsync();
        Assert.That((once.Output, again.Output), Is.EqualTo(("ä1", "ä1")));
        Assert.That((await stream.NextAsync()).Data, Is.EqualTo("""{"a":[1,2.50]}"""));
        await server.ExpectNothingArrivedAsync(stream);
    }

    [TestCase("localhost:PORT --channel a --channel b", "a", "b")]
    [TestCase("localhost:PORT?channel=a --channel b", "a", "b")]
    [TestCase("http://127.0.0.1:PORT/generate?channel=a", "a")]
    [TestCase("localhost:PORT", "default")]
    public async Task The_channels_come_from_options_and_the_address(string arguments, params string[] channels)
    {
        await using var server = TestServer.Start(o => o with { PresenceLimit = 0 });
        using var pub = BuiltProgram.Start($"pub {arguments.Replace("PORT", $"{server.Port}", StringComparison.Ordinal)} -- text");
        await pub.EndsWellAsync();
        foreach (var channel in channels)
        {
            await using var stream = await server.SubscribeAsync($"?channel={channel}&rewind=1");
            Assert.That((await stream.NextAsync()).EventId, Is.EqualTo(pub.Output));
        }
    }

    [TestCase("one\\r\\n two\\n\\nlast", "", "one", " two", "", "last")]
    [TestCase("one\\n", "", "one")]
    [TestCase("", "")]
    [TestCase("{\"a\": 1}\\n\\n \\r\\n\"b\"", "--json", "{\"a\":1}", "\"b\"")]
    public async Task Each_line_of_standard_input_is_an_event(string input, string options, params string[] data)
    {
        await using var server = TestServer.Start();
        await using var stream = await server.SubscribeAsync();
        using var pub = Pipe($"printf '{input}'", $"pub localhost:{server.Port} {options}");
        await pub.EndsWellAsync();
        Assert.That(await stream.NextDataAsync(data.Length), Is.EqualTo(data));
        Assert.That(pub.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries), Has.Length.EqualTo(data.Length));
        await server.ExpectNothingArrivedAsync(stream);
    }

    [Test]
    public async Task A_line_does_not_wait_for_the_next()
    {
        await using var server = TestServer.Start();
        await using var stream = await server.SubscribeAsync();
        using var folder = new TempFolder();
        var file = Path.Combine(folder.Path, "pipe");
        using var pub = Pipe($"mkfifo '{file}'; {{ echo one; cat '{file}'; }}", $"pub localhost:{server.Port}");
        Assert.That((await stream.NextAsync()).Data, Is.EqualTo("one"));
        using var writer = BuiltProgram.Shell($"echo two > '{file}'");
        Assert.That((await stream.NextAsync()).Data, Is.EqualTo("two"));
        await pub.EndsWellAsync();
    }

    [TestCase(1000)]
    [TestCase(1024 * 1024)]
    public async Task A_request_has_as_many_lines_as_the_server_takes(int maxBody)
    {
        await using var server = TestServer.Start(o => o with { MaxBody = maxBody });
        await using var stream = await server.SubscribeAsync();
        using var pub = Pipe("seq 3000", $"pub localhost:{server.Port}");
        await pub.EndsWellAsync();
        Assert.That(await stream.NextDataAsync(3000), Is.EqualTo(Enumerable.Range(1, 3000).Select(number => $"{number}")));
        Assert.That(pub.Output.Split('\n').Distinct().Count(), Is.EqualTo(3000));
    }

    [Test]
    public async Task Many_lines_may_be_for_many_channels()
    {
        await using var server = TestServer.Start();
        var channels = string.Concat(Enumerable.Range(0, 100).Select(i => $" --channel c{i}"));
        using var pub = Pipe("seq 1500", $"pub localhost:{server.Port}{channels}");
        await pub.EndsWellAsync();
        Assert.That(await server.MetricAsync("sse_history_events"), Is.EqualTo(150_000));
    }

    [Test]
    public async Task Input_of_any_length_takes_little_memory()
    {
        await using var server = TestServer.Start(o => o with { History = 4 * 1024 * 1024 });
        var input = "head -c 40M /dev/zero | tr '\\0' x | fold -w 100000";
        using var pub = Pipe($"export DOTNET_GCHeapHardLimit=0x1800000; {input}", $"pub localhost:{server.Port}");
        Assert.That(await pub.EndAsync(3 * Wait.Limit), Is.Zero, pub.Errors);
        Assert.That(pub.Output.Split('\n'), Has.Length.EqualTo(420));
    }

    [TestCase("{\"a\":1}\\n2\\n{\\n4", "--json", "Line 3 is not JSON.", 2)]
    [TestCase("1\\n2,\"id\":3\\n4", "--json", "Line 2 is not JSON.", 1)]
    [TestCase("one\\n\\xff", "", "Line 2 is not valid UTF-8.", 1)]
    public async Task A_line_that_is_no_event_is_told_and_those_before_it_are_published(
        string input, string options, string problem, int published)
    {
        await using var server = TestServer.Start();
        await using var stream = await server.SubscribeAsync();
        using var pub = Pipe($"printf '{input}'", $"pub localhost:{server.Port} {options}");
        Assert.That(await pub.EndAsync(), Is.EqualTo(1));
        Assert.That(pub.Errors, Is.EqualTo(problem));
        Assert.That(pub.Output.Split('\n'), Has.Length.EqualTo(published));
        await stream.NextDataAsync(published);
        await server.ExpectNothingArrivedAsync(stream);
    }

    [TestCase("ftp://localhost x", "'ftp://localhost' is no http or https URL.")]
    [TestCase("localhost --id 1", "--id is the id of one event, which has to be given as DATA.")]
    [TestCase("localhost --jsn", "'--jsn' is no option of pub. Data that begin with -- stand behind a -- of their own.")]
    [TestCase("localhost --json x", "DATA is not JSON.")]
    [TestCase("localhost --json \"1 2\"", "DATA is not JSON.")]
    [TestCase("localhost --token \"a b\" x", "The token is a token of visible ASCII characters.")]
    [TestCase("", "Required argument 'URL' missing for command: 'pub'. See --help.")]
    public async Task A_command_that_makes_no_sense_is_told(string arguments, string problem)
    {
        using var pub = BuiltProgram.Start($"pub {arguments}");
        Assert.That(await pub.EndAsync(), Is.EqualTo(CommandLine.UsageError));
        Assert.That(pub.Errors, Is.EqualTo(problem));
    }

    [Test]
    public async Task A_token_is_sent_and_a_refusal_is_told_in_one_line()
    {
        await using var server = TestServer.Start(o => o with { PublishToken = "a-token" });
        using var refused = BuiltProgram.Start($"pub localhost:{server.Port} x");
        Assert.That(await refused.EndAsync(), Is.EqualTo(1));
        Assert.That(refused.Errors, Does.StartWith("401 Unauthorized: ").And.Not.Contain("\n"));
        Assert.That(refused.Errors, Does.EndWith(" (a token is given with --token or in SSE_TOKEN)"));
        Assert.That(refused.Output, Is.Empty);
        using var argument = BuiltProgram.Start($"pub localhost:{server.Port} x --token a-token");
        using var variable = BuiltProgram.Start($"pub localhost:{server.Port} x", directory: null, ("SSE_TOKEN", "a-token\n"));
        await argument.EndsWellAsync();
        await variable.EndsWellAsync();
    }

    [Test]
    public async Task What_was_published_without_an_answer_is_sent_again_and_published_once()
    {
        await using var server = TestServer.Start();
        await using var stream = await server.SubscribeAsync();
        await using var network = new TcpRelay($"nats://127.0.0.1:{server.Port}");
        network.Hold();
        using var pub = BuiltProgram.Start($"pub {network.Address["nats://".Length..]} once");
        Assert.That((await stream.NextAsync()).Data, Is.EqualTo("once"));
        network.Cut();
        await pub.LogsAsync("(trying again in ");
        network.Mend();
        network.Release();
        await pub.EndsWellAsync();
        Assert.That(pub.Output, Is.EqualTo(stream.LastEventId));
        await server.ExpectNothingArrivedAsync(stream);
    }

    [TestCase("HTTP/1.1 503 No\r\nRetry-After: 0\r\n", 5, "503 No: Not now.")]
    [TestCase("HTTP/1.1 502 No\r\n", 5, "502 No: Not now.")]
    [TestCase("HTTP/1.1 409 No\r\n", 1, "409 No: Not now.")]
    [TestCase("HTTP/1.1 200 OK\r\n", 1, "http://127.0.0.1:PORT/events does not publish.")]
    public async Task It_tries_again_a_few_times_what_may_pass(string head, int attempts, string problem)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        using var pub = BuiltProgram.Start($"pub 127.0.0.1:{port} once");
        var bodies = await AnswerAsync(listener, head, attempts);
        Assert.That(await pub.EndAsync(), Is.EqualTo(1));
        Assert.That(pub.Errors.Split('\n'), Has.Length.EqualTo(attempts));
        Assert.That(pub.Errors.Split('\n')[^1], Is.EqualTo(problem.Replace("PORT", $"{port}", StringComparison.Ordinal)));
        Assert.That(bodies.Distinct().Single(), Does.Match("""^{"id":".{10}","text":"once"}\n$"""));
    }

    [Test]
    public async Task Ctrl_C_ends_it()
    {
        await using var server = TestServer.Start();
        using var folder = new TempFolder();
        var file = Path.Combine(folder.Path, "pipe");
        var program = $"env --default-signal=INT dotnet '{BuiltProgram.File}' pub localhost:{server.Port}";
        using var pub = BuiltProgram.Shell($"mkfifo '{file}'; exec 3<>'{file}'; echo one >&3; exec {program} <&3");
        await Wait.UntilAsync(() => pub.Output.Length > 0, "it does not publish");
        pub.Signal("INT");
        Assert.That(await pub.EndAsync(), Is.EqualTo(130));
        Assert.That(pub.Errors, Is.Empty);
    }

    private static BuiltProgram Pipe(string from, string arguments) =>
        BuiltProgram.Shell($"{from} | dotnet '{BuiltProgram.File}' {arguments}");

    // Answers so many requests, each on a connection of its own, and returns their bodies.
    private static async Task<List<string>> AnswerAsync(TcpListener listener, string head, int count)
    {
        var bodies = new List<string>();
        while (bodies.Count < count)
        {
            using var connection = await listener.AcceptTcpClientAsync().WaitAsync(Wait.Limit);
            var stream = connection.GetStream();
            using var reader = new StreamReader(stream, Encoding.ASCII, leaveOpen: true);
            var length = 0;
            while (await reader.ReadLineAsync() is { Length: > 0 } field)
                length = field.StartsWith("Content-Length: ", StringComparison.Ordinal) ? int.Parse(field.AsSpan(16), null) : length;

            var body = new char[length];
            await reader.ReadBlockAsync(body);
            bodies.Add(new string(body));
            var answer = $"{head}Connection: close\r\nContent-Length: {Problem.Length}\r\n\r\n{Problem}";
            await stream.WriteAsync(Encoding.ASCII.GetBytes(answer));
        }

        return bodies;
    }
}
