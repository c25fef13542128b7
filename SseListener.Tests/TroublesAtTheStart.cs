using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>A program that does not start, or not as it was meant to.</summary>
public sealed class TroublesAtTheStart : Troubles
{
    [Test]
    public async Task The_port_is_in_use()
    {
        var (program, port) = await BuiltProgram.ListenAsync();
        using var running = program;
        await FailsAsync($"--port {port}");

        var (cured, _) = await BuiltProgram.ListenAsync();
        cured.Dispose();
    }

    [Test]
    public async Task The_data_folder_is_in_use()
    {
        using var folder = new TempFolder();
        using var other = new TempFolder();
        var (program, _) = await BuiltProgram.ListenAsync($"--data {folder.Path}");
        using var running = program;
        await FailsAsync($"--port {TestServer.FreePort()} --data {folder.Path}");

        var (cured, _) = await BuiltProgram.ListenAsync($"--data {other.Path}");
        cured.Dispose();
    }

    [Test]
    public async Task The_data_folder_cannot_be_used()
    {
        using var folder = new TempFolder();
        var path = Path.Combine(folder.Path, "data");
        await File.WriteAllTextAsync(path, "");
        await FailsAsync($"--port {TestServer.FreePort()} --data {path}");

        var (cured, _) = await BuiltProgram.ListenAsync($"--data {path}-of-another-name");
        cured.Dispose();
    }

    [Test]
    [Platform("Linux")]
    public async Task There_can_be_fewer_clients_than_was_asked_for()
    {
        var (program, port) = await BuiltProgram.ListenAsync("", line => Limited(400, line));
        using var running = program;
        var clients = new List<RawRequest>();
        await Wait.UntilAsync(() => IsFullWithAnother(), "it takes newcomers without an end");
        clients.ForEach(client => client.Dispose());
        await LogsAsync(() => program.Errors);

        // What there is room for, too.
        var (cured, _) = await BuiltProgram.ListenAsync("--max-clients 1000", line => Limited(2000, line));
        Assert.That(cured.Errors, Does.Not.Contain("there can be"));
        cured.Dispose();

        bool IsFullWithAnother()
        {
            clients.Add(new RawRequest(port));
            return program.Errors.Contains("closed for newcomers", StringComparison.Ordinal);
        }
    }

    [Test]
    public async Task Other_machines_cannot_connect()
    {
        // An address of this machine that localhost does not include, as that of its network card.
        var (program, port) = await BuiltProgram.ListenAsync();
        using var running = program;
        using var refused = RealClient.Curl($"http://127.0.0.2:{port}/healthz");
        Assert.That(await refused.EndAsync(), Is.EqualTo(7));
        Sees(refused.Errors);

        var (cured, open) = await BuiltProgram.ListenAsync("--host +");
        using var again = cured;
        using var answered = RealClient.Curl($"http://127.0.0.2:{open}/healthz");
        await answered.EndsWellAsync();
    }

    [Test]
    public async Task The_folder_of_the_pages_is_missing()
    {
        using var folder = new TempFolder();
        await FailsAsync($"--public {folder.Path}/pages");

        var (cured, _) = await BuiltProgram.ListenAsync($"--public {folder.Path}");
        cured.Dispose();
    }

    [Test]
    public async Task Edits_of_the_page_do_not_show()
    {
        using var folder = new TempFolder();
        await File.WriteAllTextAsync(Path.Combine(folder.Path, "index.html"), "edited");
        var (program, port) = await BuiltProgram.ListenAsync("", line => BuiltProgram.Start(line, Path.GetTempPath()));
        using var running = program;
        Assert.That(await PageAsync(port), Does.Not.Contain("edited").And.Contain("</html>"));

        var (cured, other) = await BuiltProgram.ListenAsync($"--public {folder.Path}");
        using var again = cured;
        Assert.That(await PageAsync(other), Is.EqualTo("edited"));
    }

    [Test]
    public async Task An_option_is_not_understood()
    {
        await FailsAsync("--prot 3001", exitCode: 2);
        await FailsAsync("--retry 3", exitCode: 2);

        var (cured, _) = await BuiltProgram.ListenAsync("--retry 3s");
        cured.Dispose();
    }

    [Test]
    public async Task The_key_of_tokens_is_not_found()
    {
        using var folder = new TempFolder();
        var path = Path.Combine(folder.Path, "key.pem");
        await FailsAsync($"--jwt-key {path}", exitCode: 2);

        await File.WriteAllTextAsync(path, Jwt.Secret);
        var (cured, _) = await BuiltProgram.ListenAsync($"--jwt-key {path}");
        cured.Dispose();
    }

    [Test]
    public async Task A_hub_waits_and_does_not_start()
    {
        await FailsAsync($"--cluster nats://127.0.0.1:{TestServer.FreePort()} --cluster-timeout 1s");

        using var nats = await NatsServer.StartAsync();
        var (cured, _) = await BuiltProgram.ListenAsync($"--cluster {nats.Address} --cluster-replicas 1");
        cured.Dispose();
    }

    [Test]
    public async Task A_hub_of_a_single_NATS_server_does_not_start()
    {
        using var nats = await NatsServer.StartAsync();
        await FailsAsync($"--cluster {nats.Address}");

        var (cured, _) = await BuiltProgram.ListenAsync($"--cluster {nats.Address} --cluster-replicas 1");
        cured.Dispose();
    }

    private async Task FailsAsync(string arguments, int exitCode = 1)
    {
        using var program = BuiltProgram.Start(arguments);
        Assert.That(await program.EndAsync(), Is.EqualTo(exitCode), program.Errors);
        Sees(program.Errors);
    }

    private static BuiltProgram Limited(int descriptors, string arguments) =>
        BuiltProgram.Shell($"ulimit -n {descriptors}; exec dotnet \"{BuiltProgram.File}\" {arguments}");

    private static async Task<string> PageAsync(int port)
    {
        using var http = new HttpClient { Timeout = Wait.Limit };
        return await http.GetStringAsync(new Uri($"http://localhost:{port}/"));
    }
}
