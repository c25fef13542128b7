using System.Text;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>How a hub shows the NATS servers who it is, and makes sure of who they are.</summary>
public sealed class ClusterAccess
{
    private const string Password = "a-password-of-the-test";

    [TestCase("nats")]
    [TestCase("tls")]
    public async Task Over_tls_a_hub_knows_the_servers_by_their_authority(string scheme)
    {
        using var authority = new Authority("test");
        using var nats = await NatsServer.StartAsync(Tls(authority));
        await WorksAsync($"{At(nats, scheme)} --cluster-ca {authority.Certificate}");
    }

    [Test]
    public async Task A_server_that_another_authority_vouches_for_is_refused()
    {
        using var authority = new Authority("test");
        using var other = new Authority("other");
        using var nats = await NatsServer.StartAsync(Tls(authority));
        await EndsAsync($"{At(nats, "tls")} --cluster-ca {other.Certificate}");
        await EndsAsync(At(nats, "tls"));
    }

    [Test]
    public async Task A_server_without_tls_is_refused_where_tls_is_asked_for()
    {
        using var authority = new Authority("test");
        using var nats = await NatsServer.StartAsync();
        await EndsAsync($"{At(nats, "nats")} --cluster-ca {authority.Certificate}");
        await EndsAsync(At(nats, "tls"));
    }

    [Test]
    public async Task A_hub_shows_its_certificate_to_servers_that_ask_for_one()
    {
        using var authority = new Authority("test");
        using var other = new Authority("other");
        using var nats = await NatsServer.StartAsync($"{Tls(authority)} --tlsverify --tlscacert {authority.Certificate}");
        var (certificate, key) = authority.Sign("hub");
        var (otherCertificate, otherKey) = other.Sign("hub");
        var start = $"{At(nats, "tls")} --cluster-ca {authority.Certificate}";
        await WorksAsync($"{start} --cluster-cert {certificate} --cluster-key {key}");
        await EndsAsync($"{start} --cluster-cert {otherCertificate} --cluster-key {otherKey}");
        await EndsAsync(start);
    }

    [Test]
    public async Task A_password_is_in_the_environment_or_in_a_file()
    {
        using var nats = await NatsServer.StartAsync($"--user hub --pass {Password}");
        using var folder = new TempFolder();
        var file = Path.Combine(folder.Path, "password");
        await File.WriteAllTextAsync(file, Password + "\n");
        var start = At(nats, "nats").Replace("nats://", "nats://hub@", StringComparison.Ordinal);
        await WorksAsync(start, ("SSE_CLUSTER_PASSWORD", Password));
        await WorksAsync($"{start} --cluster-password-file {file}");
        Assert.That(await EndsAsync(start, ("SSE_CLUSTER_PASSWORD", "wrong")), Does.Not.Contain("wrong"));
        await EndsAsync(start);
    }

    private static string Tls(Authority authority)
    {
        var (certificate, key) = authority.Sign("server");
        return $"--tls --tlscert {certificate} --tlskey {key}";
    }

    private static string At(NatsServer nats, string scheme) =>
        $"--cluster {nats.Address.Replace("nats:", $"{scheme}:", StringComparison.Ordinal)}";

    private static async Task WorksAsync(string arguments, params (string, string)[] environment)
    {
        var (hub, port) = await BuiltProgram.ListenAsync(
            $"{arguments} --cluster-replicas 1", line => BuiltProgram.Start(line, directory: null, environment));
        using var running = hub;
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}"), Timeout = Wait.Limit };
        await using var stream = await EventStream.OpenAsync(http, "/events");
        using var content = new StringContent("some", Encoding.UTF8, "text/plain");
        using var answer = await http.PostAsync(new Uri("/events", UriKind.Relative), content);
        Assert.That((await stream.NextAsync()).Data, Is.EqualTo("some"));
    }

    // It gives up after a while.
    private static async Task<string> EndsAsync(string arguments, params (string, string)[] environment)
    {
        var start = $"--port {TestServer.FreePort()} --cluster-timeout 1s --cluster-replicas 1 {arguments}";
        using var hub = BuiltProgram.Start(start, directory: null, environment);
        Assert.That(await hub.EndAsync(), Is.Not.Zero);
        Assert.That(hub.Errors, Does.Contain("The cluster cannot be used"));
        return hub.Errors;
    }
}
