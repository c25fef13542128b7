using System.Globalization;
using System.Text.Json;
using SseListener.Cli;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary><c>tail</c>: a stream in a terminal.</summary>
public sealed class Tailing
{
    [Test]
    public async Task Events_are_printed_as_they_come()
    {
        await using var server = TestServer.Start(o => o with { PresenceLimit = 0 });
        using var tail = BuiltProgram.Start($"tail http://127.0.0.1:{server.Port}/events?channel=orders");
        await tail.LogsAsync("connected");
        var id = await server.PublishAsync("""{"data":{"state":"paid"},"type":"order"}""", "orders");
        await server.PublishAsync("""{"data":"elsewhere"}""");
        await PrintsAsync(tail, $"order {id} {{\"state\":\"paid\"}}");
        using var text = await server.PostAsync("/events?channel=orders&id=2", "text/plain", "one\ntwo\u001b[31m");
        await PrintsAsync(tail, $"order {id} {{\"state\":\"paid\"}}\nmessage 2 one\n  two\\u001b[31m");
        tail.Signal("TERM");
        Assert.That(await tail.EndAsync(), Is.Zero);
    }

    [Test]
    public async Task JSON_has_what_an_EventSource_would_give()
    {
        await using var server = TestServer.Start(o => o with { PresenceLimit = 0 });
        using var first = await server.PostAsync("/events?id=%C3%A4&type=note", "text/plain", "a \"b\"\n\tc");
        using var tail = BuiltProgram.Start($"tail --json --from earliest http://127.0.0.1:{server.Port}/events");
        await Wait.UntilAsync(() => tail.Output.Contains('}', StringComparison.Ordinal), "nothing is printed");
        using var json = JsonDocument.Parse(tail.Output);
        Assert.That(json.RootElement.GetProperty("type").GetString(), Is.EqualTo("note"));
        Assert.That(json.RootElement.GetProperty("id").GetString(), Is.EqualTo("ä"));
        Assert.That(json.RootElement.GetProperty("data").GetString(), Is.EqualTo("a \"b\"\n\tc"));
    }

    [Test]
    public async Task It_comes_back_with_its_last_id_and_misses_nothing()
    {
        using var folder = new TempFolder();
        var (program, port) = await BuiltProgram.ListenAsync($"--data {folder.Path} --retry 100ms --presence-limit 0");
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}"), Timeout = Wait.Limit };
        using var tail = BuiltProgram.Start($"tail http://127.0.0.1:{port}/events");
        await tail.LogsAsync("connected");
        await PublishAsync(http, "/events?id=ä1");
        await PrintsAsync(tail, "message ä1 text");
        program.Signal("KILL");
        await tail.LogsAsync("cannot connect");
        Assert.That(tail.Errors, Does.Contain("reconnecting in 0.1 s"));
        program.Dispose();
        using var restarted = BuiltProgram.Start($"--port {port} --data {folder.Path} --presence-limit 0");
        await tail.LogsAsync("resuming after ä1");
        await PublishAsync(http, "/events?id=2");
        await PrintsAsync(tail, "message ä1 text\nmessage 2 text");
    }

    [Test]
    public async Task It_says_when_there_was_a_gap()
    {
        await using var server = TestServer.Start(o => o with { PresenceLimit = 0 });
        var id = await server.PublishAsync("""{"data":1}""");
        using var tail = BuiltProgram.Start($"tail --from never-was http://127.0.0.1:{server.Port}/events");
        await tail.LogsAsync("gap: what came after never-was is no longer kept");
        await PrintsAsync(tail, $"gap - {{\"lastEventId\":\"never-was\"}}\nmessage {id} 1");
    }

    [Test]
    public async Task A_token_is_sent_and_a_refusal_is_told()
    {
        await using var server = TestServer.Start(o => o with { PresenceLimit = 0, JwtKey = SignedTokens.Key(Jwt.Secret), Private = ["*"] });
        var url = $"http://127.0.0.1:{server.Port}/events";
        using var refused = BuiltProgram.Start($"tail {url}");
        Assert.That(await refused.EndAsync(), Is.EqualTo(1));
        Assert.That(refused.Errors, Does.StartWith("401 Unauthorized: default is private: ").And.EndsWith(" (a token is given with --token or in SSE_TOKEN)"));
        using var argument = BuiltProgram.Start($"tail {url} --token {Jwt.For(subscribe: ["*"])}");
        using var variable = BuiltProgram.Start($"tail {url}", directory: null, ("SSE_TOKEN", Jwt.For(subscribe: ["*"])));
        await argument.LogsAsync("connected");
        await variable.LogsAsync("connected");
    }

    [TestCase("abc\n", 1)]
    [TestCase("a b", CommandLine.UsageError)]
    public async Task A_token_from_a_file_may_end_with_its_line_and_not_be_more_than_one_word(string token, int exitCode)
    {
        await using var server = TestServer.Start(o => o with { JwtKey = SignedTokens.Key(Jwt.Secret), Private = ["*"] });
        using var tail = BuiltProgram.Start($"tail http://127.0.0.1:{server.Port}/events", directory: null, ("SSE_TOKEN", token));
        Assert.That(await tail.EndAsync(), Is.EqualTo(exitCode), tail.Errors);
    }

    [Test]
    public async Task A_server_that_has_no_room_for_now_is_asked_again()
    {
        await using var server = TestServer.Start(o => o with { MaxClients = 1, Heartbeat = TimeSpan.FromMilliseconds(40) });
        await using var first = await server.SubscribeAsync();
        using var tail = BuiltProgram.Start($"tail http://127.0.0.1:{server.Port}/events");
        await tail.LogsAsync("cannot connect: ");
        await first.DisposeAsync();
        await Wait.UntilAsync(() => server.Server.Clients.Count == 1 && !server.Server.Clients.ContainsKey(first.ClientId), "it does not come back");
    }

    [Test]
    public async Task What_is_no_stream_is_told()
    {
        await using var server = TestServer.Start();
        using var page = BuiltProgram.Start($"tail http://127.0.0.1:{server.Port}/index.html");
        Assert.That(await page.EndAsync(), Is.EqualTo(1));
        Assert.That(page.Errors, Is.EqualTo("this is no event stream but text/html"));
    }

    [TestCase("ftp://localhost/events")]
    [TestCase("http://")]
    [TestCase("http:///events")]
    [TestCase("/events")]
    public async Task What_is_no_address_is_told(string address)
    {
        using var wrong = BuiltProgram.Start($"tail {address}");
        Assert.That(await wrong.EndAsync(), Is.EqualTo(CommandLine.UsageError));
        Assert.That(wrong.Errors, Is.EqualTo($"'{address}' is no http or https URL."));
    }

    [TestCase("localhost:PORT")]
    [TestCase("localhost:PORT/")]
    [TestCase("localhost:PORT/events")]
    [TestCase("localhost:PORT?channel=default")]
    [TestCase("http://localhost:PORT")]
    [TestCase("HTTP://127.0.0.1:PORT?rewind=1")]
    public async Task An_address_may_leave_out_what_is_always_the_same(string address)
    {
        await using var server = TestServer.Start(o => o with { PresenceLimit = 0 });
        using var tail = BuiltProgram.Start($"tail {address.Replace("PORT", $"{server.Port}", StringComparison.Ordinal)}");
        await tail.LogsAsync("connected");
    }

    [Test]
    public async Task It_ends_when_nobody_reads_it()
    {
        await using var server = TestServer.Start(o => o with { PresenceLimit = 0 });
        using var shell = BuiltProgram.Shell($"dotnet '{BuiltProgram.File}' tail http://127.0.0.1:{server.Port}/events | head -1");
        await Wait.UntilAsync(() => server.Server.Clients.Count == 1, "it does not connect");
        await server.PublishAsync("""{"data":1}""");
        await Wait.UntilAsync(() => shell.Output.Contains("message", StringComparison.Ordinal), "nothing is printed");
        await Wait.UntilAsync(async () =>
        {
            await server.PublishAsync("""{"data":2}""");
            return server.Server.Clients.Count == 0;
        }, "it goes on");
        Assert.That(await shell.EndAsync(), Is.Zero);
        Assert.That(shell.Errors, Is.EqualTo("connected"));
    }

    [Test]
    public async Task What_others_write_to_the_same_file_stays()
    {
        await using var server = TestServer.Start(o => o with { PresenceLimit = 0 });
        using var folder = new TempFolder();
        var file = folder.Path + "/out";
        using var shell = BuiltProgram.Shell($"{{ echo before; dotnet '{BuiltProgram.File}' tail http://127.0.0.1:{server.Port}/events; echo behind; }} > '{file}'");
        await Wait.UntilAsync(() => server.Server.Clients.Count == 1, "it does not connect");
        await server.PublishAsync("""{"data":1,"id":"a"}""");
        await Wait.UntilAsync(() => File.ReadAllText(file).EndsWith("message a 1\n", StringComparison.Ordinal), "it is not written");
        foreach (var child in shell.Children())
        {
            using var kill = System.Diagnostics.Process.Start("kill", string.Create(CultureInfo.InvariantCulture, $"-TERM {child}"));
            await kill.WaitForExitAsync();
        }

        await shell.EndAsync();
        Assert.That(await File.ReadAllTextAsync(file), Is.EqualTo("before\nmessage a 1\nbehind\n"));
    }

    [Test]
    public async Task What_cannot_be_printed_is_a_failure()
    {
        await using var server = TestServer.Start(o => o with { PresenceLimit = 0 });
        await server.PublishAsync("""{"data":1}""");
        using var shell = BuiltProgram.Shell($"dotnet '{BuiltProgram.File}' tail --from earliest http://127.0.0.1:{server.Port}/events > /dev/full");
        Assert.That(await shell.EndAsync(), Is.EqualTo(1));
        Assert.That(shell.Errors, Does.Contain("cannot print: "));
    }

    [Test]
    public async Task An_event_called_hello_is_printed_like_any_other()
    {
        await using var server = TestServer.Start(o => o with { PresenceLimit = 0 });
        using var tail = BuiltProgram.Start($"tail http://127.0.0.1:{server.Port}/events");
        await tail.LogsAsync("connected");
        using var answer = await server.PostAsync("/events?type=hello&id=1", "text/plain", "world");
        await PrintsAsync(tail, "hello 1 world");
    }

    [TestCase("HTTP/1.1 200 OK\r\nContent-Type: Text/Event-Stream\r\n\r\nretry: 5000000000\ndata: x\n\n", "reconnecting in 86400 s")]
    [TestCase("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\nretry: 0\n\n", "reconnecting in 0.1 s")]
    [TestCase("HTTP/1.1 503 No\r\nContent-Type: application/problem+json; charset=nonsense\r\nContent-Length: 2\r\n\r\n[]", "503 No: the server says no more")]
    [TestCase("HTTP/1.1 503 No\r\nContent-Length: 20\r\n\r\n{\"detail\":", "503 No: the server says no more")]
    [TestCase("HTTP/1.1 200 OK\r\n\u001b[31mRED\u0007 bad\r\n\r\n", "\\u001b[31mRED\\u0007 bad")]
    public async Task Whatever_a_server_answers_it_goes_on(string answer, string told)
    {
        using var listener = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        using var tail = BuiltProgram.Start($"tail http://{listener.LocalEndpoint}/events");
        using (var connection = await listener.AcceptTcpClientAsync().WaitAsync(Wait.Limit))
        {
            await connection.GetStream().ReadExactlyAsync(new byte[10]);
            await connection.GetStream().WriteAsync(System.Text.Encoding.Latin1.GetBytes(answer));
        }

        await tail.LogsAsync(told);
        await tail.LogsAsync("reconnecting in ");
        Assert.That(tail.Errors.Contains("Exception", StringComparison.Ordinal) || tail.Errors.Contains('\u001b', StringComparison.Ordinal), Is.False, tail.Errors);
    }

    private static async Task PublishAsync(HttpClient http, string path)
    {
        using var content = new StringContent("text");
        using var answer = await http.PostAsync(new Uri(path, UriKind.Relative), content);
        Assert.That(answer.IsSuccessStatusCode, Is.True);
    }

    private static Task PrintsAsync(BuiltProgram tail, string lines) =>
        Wait.UntilAsync(() => tail.Output == lines, $"it does not print {lines}");
}
