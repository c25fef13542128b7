using System.Security.Cryptography;
using System.Text.RegularExpressions;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>The README's examples, run as they are but for the port. Those of a browser are run in <c>Browsing</c>.</summary>
public sealed class DocumentedExamples
{
    private const string Project = """
        <Project Sdk="Microsoft.NET.Sdk">
          <PropertyGroup>
            <OutputType>Exe</OutputType>
            <TargetFramework>net10.0</TargetFramework>
            <ImplicitUsings>enable</ImplicitUsings>
            <Nullable>enable</Nullable>
          </PropertyGroup>
        </Project>
        """;

    private static readonly Document _operating = new("SseListener/Docs/operating.md");
    private static readonly Document _access = new("SseListener/Docs/access.md");

    // For a build.
    private static readonly TimeSpan _limit = TimeSpan.FromMinutes(2);

    [Test]
    public async Task The_transcript_is_what_happens()
    {
        var lines = Document.Readme.Blocks("console").Single().Split('\n');
        using var folder = new TempFolder();
        var (program, port) = await BuiltProgram.ListenAsync(lines[0]["$ ./run.sh".Length..].TrimEnd('&', ' '), line =>
            BuiltProgram.Start(line, folder.Path, ("SSE_DATA", "")));
        using var running = program;
        await program.WritesAsync(lines[3]);
        Assert.That(program.Output, Is.EqualTo(At(port, string.Join('\n', lines[1..4]))));
        using var tail = BuiltProgram.Start(At(port, lines[4])["$ ./run.sh ".Length..].TrimEnd('&', ' '));
        await Wait.UntilAsync(() => tail.Errors == lines[5], "tail does not connect");
        using var curl = RealClient.Curl(At(port, lines[6])["$ curl ".Length..]);
        await curl.EndsWellAsync();
        var id = IdIn(curl.Output);
        Assert.That(curl.Output, Is.EqualTo(lines[7].Replace(IdIn(lines[7]), id, StringComparison.Ordinal)));
        await tail.WritesAsync(id);
        Assert.That(tail.Output, Is.EqualTo(lines[8].Replace(IdIn(lines[7]), id, StringComparison.Ordinal)));
    }

    [Test]
    public async Task One_event_has_the_bytes_that_it_shows()
    {
        await using var server = TestServer.Start();
        using var raw = new RawRequest(server.Port);
        await raw.SendAsync(RawRequest.Head(server.Port, "GET /events"));
        await raw.ReadUntilAsync("\n\n\r\n");
        var shown = Document.Readme.Blocks("text").Single();
        var id = Regex.Match(shown, "id: (.*)").Groups[1].Value;
        await server.PublishAsync($$"""{"type":"alert","data":{"nested":"here"},"retry":10000,"id":"{{id}}"}""");
        await raw.ReadChunkAsync($"id: {id}");
        Assert.That(raw.Body, Does.EndWith("\n\n" + shown));
    }

    [Test]
    public async Task Lines_of_curl_listen_and_publish()
    {
        await using var server = TestServer.Start();
        var commands = string.Concat(Document.Readme.Blocks("bash")).Split('\n');
        var lines = commands.Where(line => line.StartsWith("curl ", StringComparison.Ordinal)).ToArray();
        using var live = RealClient.Curl(At(server.Port, lines[0])["curl ".Length..]);
        using var merged = RealClient.Curl(At(server.Port, lines[2])["curl ".Length..]);
        await live.WritesAsync("event: hello");
        await merged.WritesAsync("event: hello");
        foreach (var line in lines[3..])
            Assert.That(await OutputAsync(server.Port, line), Does.Match("""^\{"id":".{10}"\}$"""), line);

        await merged.WritesAsync("""event: paid""");
        await merged.WritesAsync("""data: {"channel":"orders/42","data":{"by":"card"}}""");
        await live.WritesAsync("event: note\ndata: any text, verbatim\n");
        using var late = RealClient.Curl(At(server.Port, lines[1])["curl ".Length..]);
        await late.WritesAsync("event: note\ndata: any text, verbatim\n");
        Assert.That(await OutputAsync(server.Port, _operating.Line("curl ")), Does.Contain("\"uptimeSeconds\""));
    }

    [Test]
    public async Task Commands_of_other_documents_start_a_server_with_private_channels_and_watch_a_stream()
    {
        using var folder = new TempFolder();
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var file = Path.Combine(folder.Path, "public.pem");
        await File.WriteAllTextAsync(file, key.ExportSubjectPublicKeyInfoPem());
        var start = _access.Line("./run.sh --jwt-key keys/public.pem --private 'user/*' --private").Replace("keys/public.pem", file, StringComparison.Ordinal);
        var (program, port) = await BuiltProgram.ListenAsync(start["./run.sh ".Length..].Replace('\'', '"'));
        using var running = program;
        using var http = new HttpClient { BaseAddress = new Uri($"http://localhost:{port}"), Timeout = Wait.Limit };
        using var refused = await http.GetAsync(new Uri("/events?channel=user/7", UriKind.Relative));
        Assert.That((int)refused.StatusCode, Is.EqualTo(401));
        var watch = At(port, _operating.Line("./run.sh tail "));
        using var tail = BuiltProgram.Start(watch["./run.sh ".Length..].Replace('\'', '"'));
        await Wait.UntilAsync(() => tail.Errors == "connected", "tail does not connect");
    }

    [Test]
    public async Task A_private_channel_takes_the_lines_that_the_document_has()
    {
        var blocks = _access.Blocks("bash")[..2].Select(block => block.TrimEnd().Split('\n')).ToArray();
        const string Secret = $"export SSE_JWT_KEY='{Jwt.Secret}'\n";
        Assert.That(blocks[0][0], Does.StartWith("export SSE_JWT_KEY=$(openssl rand"));
        var (program, port) = await BuiltProgram.ListenAsync(blocks[0][1]["./run.sh ".Length..], line => BuiltProgram.Shell($"{Secret}exec dotnet '{BuiltProgram.File}' {line}"));
        using var running = program;
        var token = await RunAsync(port, $"{Secret}{blocks[1][0]} # localhost:3000\necho $SSE_TOKEN");
        using var tail = BuiltProgram.Shell(InShell(port, $"export SSE_TOKEN={token}\nexec {blocks[1][1].TrimEnd('&')}"));
        await tail.LogsAsync("connected");
        var id = await RunAsync(port, $"export SSE_TOKEN={token}\n{blocks[1][2]}");
        await tail.WritesAsync($"message {id} Only for 7.");
        var check = await RunAsync(port, $"{Secret}SSE_TOKEN={token}\n{blocks[1][3]} # localhost:3000");
        Assert.That(check, Does.EndWith("may publish to: user/7\nmay listen to: user/7"));
    }

    [Test]
    public async Task Lines_for_a_terminal_ask_for_health_and_publish()
    {
        await using var server = TestServer.Start();
        await using var stream = await server.SubscribeAsync("?channel=default&channel=orders/*&channel=numbers");
        Assert.That(await RunAsync(server.Port, _operating.Line("./run.sh health ")), Is.EqualTo("""{"status":"ok"}"""));
        foreach (var start in (string[])["./run.sh pub localhost:3000 'Hello", "./run.sh pub localhost:3000 '{", "seq "])
            await RunAsync(server.Port, _operating.Line(start));

        string[] data = ["Hello, all.", """{"by":"card"}""", .. Enumerable.Range(1, 1000).Select(number => $"{number}")];
        Assert.That(await stream.NextDataAsync(data.Length), Is.EqualTo(data));
    }

    [Test]
    public async Task Python_listens_and_publishes()
    {
        await using var server = TestServer.Start();
        var scripts = Document.Readme.Blocks("python");
        using var listener = RealClient.Python(At(server.Port, scripts[0]));
        await listener.WritesAsync("\"channels\":[\"orders/42\"]");
        using var publisher = RealClient.Python(At(server.Port, scripts[1]));
        await publisher.EndsWellAsync();
        Assert.That(publisher.Output, Does.Match("^.{10}$"));
        await listener.WritesAsync("""{"by":"card"}""");
        await server.Server.StopAsync();
        await listener.EndsWellAsync();
    }

    [Test]
    public async Task CSharp_listens_and_publishes()
    {
        await using var server = TestServer.Start();
        using var folder = new TempFolder();
        var programs = Document.Readme.Blocks("csharp");
        using var listener = await StartAsync(Path.Combine(folder.Path, "listener"), At(server.Port, programs[0]));
        await listener.WritesAsync("hello: {");
        using var publisher = await StartAsync(Path.Combine(folder.Path, "publisher"), At(server.Port, programs[1]));
        await publisher.EndsWellAsync();
        Assert.That(publisher.Output, Does.Match("""^\{"id":".{10}"\}$"""));
        await listener.WritesAsync("""paid: {"by":"card"}""");
        await server.Server.StopAsync();
        await listener.EndsWellAsync();
    }

    /// <summary>Builds a program as in a project of one's own, and so that no process of the build stays behind.</summary>
    internal static async Task BuildAsync(string folder, params string[] sources)
    {
        Directory.CreateDirectory(folder);
        await File.WriteAllTextAsync(Path.Combine(folder, "Example.csproj"), Project);
        foreach (var (index, source) in sources.Index())
            await File.WriteAllTextAsync(Path.Combine(folder, $"Source{index}.cs"), source);

        using var build = BuiltProgram.Execute("dotnet", "build -o out -p:UseSharedCompilation=false --nodeReuse:false", folder);
        Assert.That(await build.EndAsync(_limit), Is.Zero, build.Output);
    }

    /// <summary>Runs the program that was built there.</summary>
    internal static BuiltProgram Run(string folder, string arguments = "") =>
        BuiltProgram.Execute("dotnet", $"out/Example.dll {arguments}", folder);

    private static async Task<string> OutputAsync(int port, string line)
    {
        using var curl = RealClient.Curl(At(port, line)["curl ".Length..]);
        await curl.EndsWellAsync();
        return curl.Output;
    }

    private static async Task<BuiltProgram> StartAsync(string folder, string program)
    {
        await BuildAsync(folder, program);
        return Run(folder);
    }

    // The program that the tests have built, in the place of the one that run.sh would build.
    private static async Task<string> RunAsync(int port, string line)
    {
        using var shell = BuiltProgram.Shell(InShell(port, line));
        await shell.EndsWellAsync();
        return shell.Output;
    }

    private static string InShell(int port, string line) =>
        At(port, line).Replace("./run.sh", $"dotnet '{BuiltProgram.File}'", StringComparison.Ordinal);

    private static string At(int port, string text)
    {
        Assert.That(text, Does.Contain("localhost:3000"));
        return text.Replace("localhost:3000", $"localhost:{port}", StringComparison.Ordinal);
    }

    private static string IdIn(string answer) => Regex.Match(answer, "^{\"id\":\"(.*)\"}$").Groups[1].Value;
}
