using System.Net;
using System.Net.Http.Headers;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>The built program's options, from arguments and environment, and what it says to those it does not understand.</summary>
public sealed class CommandLineOptions
{
    [Test]
    public async Task It_prints_the_address_at_which_it_answers()
    {
        var (program, port) = await BuiltProgram.ListenAsync();
        using (program)
        {
            Assert.That(program.FirstLine, Is.EqualTo($"> http://localhost:{port}"));
            using var http = new HttpClient();
            foreach (var host in (string[])["localhost", "127.0.0.1"])
            {
                using var answer = await http.GetAsync(new Uri($"http://{host}:{port}/"));
                Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.OK), host);
            }
        }
    }

    [Test]
    public async Task The_port_comes_from_PORT()
    {
        var port = TestServer.FreePort();
        using var program = BuiltProgram.Start("", environment: ("PORT", $"{port}"));
        await Wait.UntilAsync(() => program.FirstLine == $"> http://localhost:{port}", $"it does not listen: {program.Errors}");
    }

    [TestCase("--port PORT")]
    [TestCase("--port=PORT")]
    [TestCase("--port:PORT")]
    public async Task An_argument_comes_before_the_environment(string argument)
    {
        var port = TestServer.FreePort();
        using var program = BuiltProgram.Start(
            argument.Replace("PORT", $"{port}", StringComparison.Ordinal),
            environment: [("PORT", $"{TestServer.FreePort()}"), ("SSE_PORT", "1")]);
        await Wait.UntilAsync(() => program.FirstLine == $"> http://localhost:{port}", $"it does not listen: {program.Errors}");
    }

    [TestCase("--max-body 10", "SSE_OTHER", "", 413)]
    [TestCase("", "SSE_MAX_BODY", "10", 413)]
    [TestCase("", "SSE_MAX_BODY", "11", 200)]
    [TestCase("--max-body 11", "SSE_MAX_BODY", "10", 200)]
    public async Task An_option_also_comes_from_its_variable(string argument, string variable, string value, int status)
    {
        var (program, port) = await BuiltProgram.ListenAsync(argument, line => BuiltProgram.Start(line, environment: (variable, value)));
        using var running = program;
        using var http = new HttpClient();
        using var body = new StringContent("11 letters.", MediaTypeHeaderValue.Parse("text/plain"));
        using var answer = await http.PostAsync(new Uri($"http://localhost:{port}/events"), body);
        Assert.That((int)answer.StatusCode, Is.EqualTo(status));
    }

    [Test]
    public async Task The_folder_of_the_pages_can_be_chosen()
    {
        var pages = Directory.CreateTempSubdirectory("sse-pages-").FullName;
        await File.WriteAllTextAsync(Path.Combine(pages, "index.html"), "chosen");
        var (program, port) = await BuiltProgram.ListenAsync($"--public \"{pages}\"");
        using (program)
        using (var http = new HttpClient())
        {
            Assert.That(await http.GetStringAsync(new Uri($"http://localhost:{port}/")), Is.EqualTo("chosen"));
        }

        Directory.Delete(pages, recursive: true);
    }

    [Test]
    public async Task A_folder_named_public_in_the_working_directory_comes_before_the_built_copy()
    {
        var directory = Directory.CreateTempSubdirectory("sse-work-").FullName;
        Directory.CreateDirectory(Path.Combine(directory, "public"));
        await File.WriteAllTextAsync(Path.Combine(directory, "public", "index.html"), "edited here");
        var (program, port) = await BuiltProgram.ListenAsync("", line => BuiltProgram.Start(line, directory));
        using (program)
        using (var http = new HttpClient())
        {
            Assert.That(await http.GetStringAsync(new Uri($"http://localhost:{port}/")), Is.EqualTo("edited here"));
        }

        Directory.Delete(directory, recursive: true);
    }

    [Test]
    public async Task Version_prints_the_version_and_nothing_else()
    {
        using var program = BuiltProgram.Start("--version");
        Assert.That(await program.EndAsync(), Is.Zero);
        Assert.That(program.Output, Does.Match(@"^\d+\.\d+\.\d+$"));
        Assert.That(program.Errors, Is.Empty);
    }

    [TestCase("--prot 3000", "Unrecognized command or argument '--prot'. Did you mean --port? See")]
    [TestCase("-port 3000", "Did you mean --port? See")]
    [TestCase("--max-client 3", "Did you mean --max-clients? See")]
    [TestCase("--hepl", "Did you mean --help? See")]
    [TestCase("tial localhost", "Unrecognized command or argument 'tial'. Did you mean tail? See")]
    [TestCase("help tial", "Did you mean tail? See")]
    [TestCase("tail localhost --form earliest", "Did you mean --from? See")]
    [TestCase("--nonsense", "Unrecognized command or argument '--nonsense'. See")]
    [TestCase("stray", "Unrecognized command or argument 'stray'. See")]
    [TestCase("--port", "'--port'")]
    [TestCase("--port 3000 --port 3001", "'--port'")]
    [TestCase("--port none", "--port is a whole number from 1 to 65535, not 'none'.")]
    [TestCase("--port 65536", "--port is a whole number from 1 to 65535, not '65536'.")]
    [TestCase("--port \"1\n2\"", "--port is a whole number from 1 to 65535")]
    [TestCase("--max-clients 0", "--max-clients is a whole number from 1, not '0'.")]
    [TestCase("--history 1MB", "--history is a size such as 64KiB or 1MiB, not '1MB'.")]
    [TestCase("--max-body 0", "--max-body is a size from 1B to 134217728B, such as 64KiB or 1MiB, not '0'.")]
    [TestCase("--heartbeat 15", "--heartbeat is a duration of up to 576h, such as 300ms, 15s or 2m, not '15'.")]
    [TestCase("--host http://localhost", "--host is a host name, an address, or + for every address, not 'http://localhost'.")]
    [TestCase("--log-level verbose", "--log-level is debug, info, warning or error, not 'verbose'.")]
    [TestCase("--public \"\"", "--public is a text that is not empty, not ''.")]
    [TestCase("--cluster nats://a --data data", "--cluster contradicts --data and --sync")]
    [TestCase("--cluster nats://a --sync os", "--cluster contradicts --data and --sync")]
    [TestCase("--cluster-stream x", "--cluster-... needs --cluster")]
    [TestCase("--cluster nats://a --cluster-cert x", "--cluster-cert and --cluster-key need each other")]
    [TestCase("--cluster nats://a,nats://user:secret@b", "--cluster is an address such as nats://a:4222 (or tls://), with a user as in nats://user@a:4222, without a password. See")]
    [TestCase("--cluster nats://a --cluster-password x", "--cluster-password would be seen by everybody on this machine: set SSE_CLUSTER_PASSWORD")]
    [TestCase("--open-publish --publish-token x", "--open-publish contradicts --publish-token and --jwt-key")]
    [TestCase("--open-publish --jwt-key a-secret-of-at-least-thirty-two-bytes", "--open-publish contradicts")]
    [TestCase("--jwt-audience us", "--jwt-audience and --jwt-claim need --jwt-key, --jwks or --jwt-issuer.")]
    [TestCase("--jwt-claim https://example.com/sse", "--jwt-audience and --jwt-claim need --jwt-key, --jwks or --jwt-issuer.")]
    [TestCase("--jwks http://example.com/keys", "--jwks is the address of a set of keys (https, but on this machine also http), or the name of a file with one.")]
    [TestCase("--jwks no-such-file.json", "or the name of a file with one, not 'no-such-file.json'.")]
    [TestCase("--jwks SseListener.Tests.deps.json", "--jwks is the name of a file with a set of keys, of which nothing can be read: it is not {")]
    [TestCase("--jwks https://a.example.com/keys --jwt-issuer https://a.example.com --jwt-issuer b", "--jwt-issuer b has no keys")]
    [TestCase("--private @team/*", "--private needs --jwt-key")]
    [TestCase("--private user/*", "--private needs --jwt-key")]
    [TestCase("--jwt-issuer us", "--jwt-issuer us has no keys: it needs --jwt-key or --jwks, or to be the https address of an OpenID provider.")]
    [TestCase("--private user*", "--private is a channel's name, a pattern such as user/*, or * for all, not 'user*'.")]
    [TestCase("--cors *", "--cors is an origin such as https://app.example.com, without a path or a default port, not '*'.")]
    [TestCase("--keep prices/*", "--keep is a channel, pattern or *, and what is kept: an age, a size, a number of events, such as llm/*=10m,1MiB or prices/*=1, not 'prices/*'.")]
    [TestCase("--keep a=1 --keep a=1h", "--keep says twice what is kept of a.")]
    [TestCase("--max-body 2MiB --history 1MiB", "--max-body is more than --history or --keep keeps of any channel: such an event would be refused.")]
    [TestCase("--max-body 100MiB --max-publish-bytes 100MiB", "--max-body is more than --history or --keep keeps of any channel: such an event would be refused.")]
    [TestCase("--max-body 2MiB --history 1MiB --keep a=10,1MiB --keep b=7", "--max-body is more than --history or --keep keeps of any channel: such an event would be refused.")]
    [TestCase("", "SSE_KEEP is a channel, pattern or *, and what is kept: an age, a size, a number of events, such as llm/*=10m,1MiB or prices/*=1, not 'b=2,3'.", "SSE_KEEP", "a=1,1MiB,b=2,3")]
    [TestCase("--open-publish maybe", "--open-publish is true or false, not 'maybe'.")]
    [TestCase("--max-channels 0", "--max-channels is a whole number from 1, not '0'.")]
    [TestCase("--publish-token-file /nowhere/to/be/found", "--publish-token-file is a file with a token of visible ASCII characters.")]
    [TestCase("", "SSE_PRIVATE is a channel's name, a pattern such as user/*, or * for all, not 'user*'.", "SSE_PRIVATE", "orders, user*")]
    [TestCase("", "PORT is a whole number from 1 to 65535, not 'none'.", "PORT", "none")]
    [TestCase("", "SSE_RETRY is a duration of up to 576h, such as 300ms, 15s or 2m, not 'soon'.", "SSE_RETRY", "soon")]
    [TestCase("", "SSE_LOG_LEVEL is debug, info, warning or error, not '1'.", "SSE_LOG_LEVEL", "1")]
    public async Task What_it_does_not_understand_it_says_in_one_line(string arguments, string line, string variable = "SSE_OTHER", string value = "x")
    {
        using var program = BuiltProgram.Start(arguments, environment: (variable, value));
        Assert.That(await program.EndAsync(), Is.EqualTo(2));
        Assert.That(program.Errors, Does.Contain(line).And.EndsWith(" See --help."));
        Assert.That(program.Errors.Split('\n'), Has.Length.EqualTo(1));
        Assert.That(program.Output, Is.Empty);
    }

    [TestCase("--jwks https://us:password@example.com/keys", "--jwks is the address of a set of keys", "password")]
    [TestCase("--jwt-key too-short-to-be-a-key", "--jwt-key is a secret of at least 32 bytes", "too-short-to-be-a-key")]
    [TestCase("--publish-token \"with blanks\"", "--publish-token is a token of visible ASCII characters.", "with blanks")]
    public async Task A_secret_is_not_repeated(string arguments, string line, string secret)
    {
        using var program = BuiltProgram.Start(arguments);
        Assert.That(await program.EndAsync(), Is.EqualTo(2));
        Assert.That(program.Errors, Does.Contain(line).And.Not.Contain(secret));
    }

    [Test]
    public async Task A_token_comes_from_an_argument_or_a_file_but_not_from_both()
    {
        using var folder = new TempFolder();
        var file = Path.Combine(folder.Path, "token");
        await File.WriteAllTextAsync(file, "from-the-file\n");
        using var both = BuiltProgram.Start("--publish-token x", environment: ("SSE_PUBLISH_TOKEN_FILE", file));
        Assert.That(await both.EndAsync(), Is.EqualTo(2));
        Assert.That(both.Errors, Does.Contain("--publish-token and --publish-token-file contradict each other."));
        var (program, port) = await BuiltProgram.ListenAsync($"--publish-token-file \"{file}\" --private orders --private user/* --jwt-key \"{Jwt.Secret}\"");
        using (program)
        {
            Assert.That(await StatusAsync(port, "POST /events", "Authorization: Bearer from-the-file", "Content-Type: text/plain", "Content-Length: 0"), Is.EqualTo(200));
            Assert.That(await StatusAsync(port, "GET /events?channel=orders"), Is.EqualTo(401));
            Assert.That(await StatusAsync(port, "GET /events?channel=user/1"), Is.EqualTo(401));
        }
    }

    [Test]
    public async Task Flags_and_lists_also_come_from_the_environment()
    {
        (string, string)[] environment =
        [
            ("SSE_TRUST_PROXY", "true"), ("SSE_MAX_CLIENTS_PER_ADDRESS", "1"), ("SSE_CORS", "https://a.example,https://b.example"),
        ];
        var (program, port) = await BuiltProgram.ListenAsync("", line => BuiltProgram.Start(line, directory: null, environment));
        using var running = program;
        foreach (var origin in (string[])["https://a.example", "https://b.example"])
            Assert.That(await StatusAsync(port, "OPTIONS /events", "Origin: " + origin, "Access-Control-Request-Method: POST"), Is.EqualTo(204));

        using var first = new RawRequest(port);
        await first.SendAsync(RawRequest.Head(port, "GET /events", "X-Forwarded-For: 192.0.2.1"));
        await first.ReadUntilAsync("hello");
        Assert.That(await RawRequest.ExchangeAsync(port, RawRequest.Head(port, "GET /events", "X-Forwarded-For: 192.0.2.1")), Is.Empty);
    }

    [Test]
    public async Task A_port_that_is_in_use_is_named()
    {
        await using var server = TestServer.Start();
        using var program = BuiltProgram.Start($"--port {server.Port}");
        Assert.That(await program.EndAsync(), Is.EqualTo(1));
        Assert.That(program.Errors, Is.EqualTo($"Port {server.Port} is in use."));
        Assert.That(program.Output, Is.Empty);
    }

    [Test]
    public async Task A_folder_that_is_missing_is_named()
    {
        using var program = BuiltProgram.Start($"--port {TestServer.FreePort()} --public /nowhere/to/be/found");
        Assert.That(await program.EndAsync(), Is.EqualTo(1));
        Assert.That(program.Errors, Is.EqualTo("The folder of the pages is missing: /nowhere/to/be/found."));
        Assert.That(program.Output, Is.Empty);
    }

    [TestCase("203.0.113.1")]
    [TestCase("no-such-host.invalid")]
    public async Task A_host_that_is_not_this_machine_is_named(string host)
    {
        var port = TestServer.FreePort();
        using var program = BuiltProgram.Start($"--port {port} --host {host}");
        Assert.That(await program.EndAsync(), Is.EqualTo(1));
        Assert.That(program.Errors, Does.StartWith($"Cannot listen on {host}:{port}: "));
        Assert.That(program.Errors.Split('\n'), Has.Length.EqualTo(1));
    }

    [Test]
    public async Task A_limit_of_clients_that_is_lowered_is_told()
    {
        var (program, _) = await BuiltProgram.ListenAsync($"--max-clients {int.MaxValue}");
        using var running = program;
        await program.LogsAsync($"not {int.MaxValue}: --max-clients is limited by the ");
    }

    private static async Task<int> StatusAsync(int port, string methodAndTarget, params string[] fields)
    {
        using var raw = new RawRequest(port);
        await raw.SendAsync(RawRequest.Head(port, methodAndTarget, fields));
        return int.Parse((await raw.ReadUntilAsync("\r\n"))["HTTP/1.1 ".Length..][..3], System.Globalization.CultureInfo.InvariantCulture);
    }
}
