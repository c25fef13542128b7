using System.Text.Json;
using System.Text.RegularExpressions;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>
/// <c>compose.yaml</c> and <c>compose-one.yaml</c> of <c>SseListener/Deploy</c>, and the files that they use. There may be no engine here:
/// the programs are started without one, as they say.
/// </summary>
public sealed partial class Composing
{
    private const string Token = "the-publish-token";
    private static readonly Dictionary<string, string> _given = new() { ["SSE_CLUSTER_PASSWORD"] = "aPassword1", ["SSE_PUBLISH_TOKEN"] = Token };
    private static readonly string[] _nodes = ["nats1", "nats2", "nats3"];

    [TestCase("compose.yaml", "nats1", "nats2", "nats3", "hub1", "hub2", "nginx")]
    [TestCase("compose-one.yaml", "caddy", "server")]
    public async Task Everything_that_it_names_is_there(string file, params string[] names)
    {
        var composition = await ReadAsync(file);
        var (services, volumes) = (composition.GetProperty("services"), composition.GetProperty("volumes"));
        Assert.That(services.EnumerateObject().Select(service => service.Name), Is.EquivalentTo(names));
        foreach (var service in services.EnumerateObject())
        {
            foreach (var name in Texts(service.Value, "depends_on"))
                Assert.That(services.TryGetProperty(name, out _), Is.True, name);

            // The certificate and the folder for the journal are the reader's own.
            foreach (var source in Texts(service.Value, "volumes").Select(volume => volume.Split(':')[0]).Where(source => !source.Contains("example", StringComparison.Ordinal) && source[0] != '/'))
            {
                var isThere = source.StartsWith("./", StringComparison.Ordinal) ? File.Exists(InDeploy(source)) : volumes.TryGetProperty(source, out _);
                Assert.That(isThere, Is.True, source);
            }
        }
    }

    [Test]
    public async Task Its_three_servers_and_two_hubs_find_each_other_and_a_server_may_die()
    {
        var services = (await ReadAsync("compose.yaml")).GetProperty("services");
        using var folder = new TempFolder();
        var (clients, routes) = (_nodes.ToDictionary(node => node, _ => TestServer.FreePort()), _nodes.ToDictionary(node => node, _ => TestServer.FreePort()));
        var nodes = _nodes.Select(node => StartNode(services.GetProperty(node), node, folder, clients, routes)).ToList();
        using var first = nodes[0];
        using var second = nodes[1];
        using var third = nodes[2];
        foreach (var node in nodes)
            await node.LogsAsync("JetStream cluster new metadata leader", "JetStream cluster no metadata leader", "Server is ready");

        var (a, portOfA) = await StartHubAsync(services.GetProperty("hub1"), clients);
        using var hubA = a;
        var (b, portOfB) = await StartHubAsync(services.GetProperty("hub2"), clients);
        using var hubB = b;
        await AreWellAsync(services.GetProperty("hub1"), portOfA);
        await AreWellAsync(services.GetProperty("hub2"), portOfB);
        using var nginx = await Nginx.StartAsync(portOfA, portOfB);
        using var http = nginx.Connect();
        http.DefaultRequestHeaders.Authorization = new("Bearer", Token);
        await using var one = await EventStream.OpenAsync(http, "/events");
        await using var other = await EventStream.OpenAsync(http, "/events");
        await PublishAsync(http, "before");
        third.Signal("KILL");
        await third.EndAsync();
        await PublishAsync(http, "after");
        Assert.That(await DataAsync(one), Is.EqualTo((string[])["before", "after"]));
        Assert.That(await DataAsync(other), Is.EqualTo((string[])["before", "after"]));

        // Not every program that reaches the servers may use them.
        var start = $"--cluster nats://sse@127.0.0.1:{clients["nats1"]} --cluster-timeout 2s --port {TestServer.FreePort()}";
        using var stranger = BuiltProgram.Start(start, directory: null, ("SSE_CLUSTER_PASSWORD", "another"));
        Assert.That(await stranger.EndAsync(), Is.Not.Zero);
    }

    [Test]
    public async Task Its_one_server_keeps_what_is_published_through_Caddy_and_knows_its_clients_addresses()
    {
        var services = (await ReadAsync("compose-one.yaml")).GetProperty("services");
        var service = services.GetProperty("server");
        Assert.That(service.GetProperty("network_mode").GetString(), Is.EqualTo("service:caddy"), "the server has to reach Caddy by the same loopback");
        Assert.That(Texts(services.GetProperty("caddy"), "ports"), Does.Contain("443:443"));
        Assert.That(Texts(service, "volumes"), Does.Contain("/srv/sse-listener:/data"));
        using var folder = new TempFolder();
        var environment = Environment(service).Select(variable => (variable.Name, variable.Value == "/data" ? folder.Path : variable.Value)).ToArray();
        var (server, port) = await BuiltProgram.ListenAsync("--max-clients-per-address 1", line => BuiltProgram.Start(line, directory: null, environment));
        using var running = server;
        using var caddy = await Caddy.StartAsync(port);
        using var http = caddy.Connect(from: "127.0.0.7");
        await using var stream = await EventStream.OpenAsync(http, "/events");
        http.DefaultRequestHeaders.Authorization = new("Bearer", Token);
        http.DefaultRequestHeaders.Add("Origin", Site.Origin);
        await PublishAsync(http, "some");
        Assert.That((await stream.NextAsync()).Data, Is.EqualTo("some"));
        Assert.That(folder.JournalTexts, Has.Some.Contain("data: some"));

        // Another one at this address has no place, and one at another address has.
        Assert.That(async () => await http.GetAsync(new Uri("/events", UriKind.Relative)), Throws.InstanceOf<HttpRequestException>());
        using var other = caddy.Connect(from: "127.0.0.8");
        await using var second = await EventStream.OpenAsync(other, "/events");
    }

    // Joins are of no matter here.
    private static async Task<List<string>> DataAsync(EventStream stream)
    {
        var data = new List<string>();
        while (data.Count < 2)
        {
            if (await stream.NextAsync() is { EventType: "message" } item)
                data.Add(item.Data);
        }

        return data;
    }

    private static Task PublishAsync(HttpClient http, string text) => Wait.UntilAsync(
        async () =>
        {
            using var content = new StringContent(text, System.Text.Encoding.UTF8, "text/plain");
            using var answer = await http.PostAsync(new Uri($"/events?id={text}", UriKind.Relative), content);
            return answer.IsSuccessStatusCode;
        },
        "it is not published");

    private static BuiltProgram StartNode(
        JsonElement service, string node, TempFolder folder, Dictionary<string, int> clients, Dictionary<string, int> routes)
    {
        var data = Directory.CreateDirectory(Path.Combine(folder.Path, node)).FullName;
        var theirRoutes = string.Join(", ", _nodes.Select(name => $"\"nats://{name}:6222\""));
        var ours = string.Join(", ", _nodes.Select(name => $"\"nats://127.0.0.1:{routes[name]}\""));

        // nats-server knows sync_interval from 2.10 on, and may be older here.
        var text = Deployed.Read(
            "nats.conf", ("0.0.0.0:4222", $"127.0.0.1:{clients[node]}"), ("0.0.0.0:6222", $"127.0.0.1:{routes[node]}"), ("\"/data\"", $"\"{data}\""),
            ("sync_interval: 1s", ""), (theirRoutes, ours));
        var file = Path.Combine(folder.Path, node + ".conf");
        File.WriteAllText(file, text);
        var command = service.GetProperty("command").GetString()!;
        Assert.That(Texts(service, "volumes"), Does.Contain("./nats.conf:/etc/nats/nats.conf:ro").And.Contain($"{node}:/data"));
        var arguments = command.Replace("/etc/nats/nats.conf", file, StringComparison.Ordinal);
        return BuiltProgram.Execute(OtherPrograms.NatsServer(), arguments, folder.Path, [.. Environment(service)]);
    }

    private static Task<(BuiltProgram Program, int Port)> StartHubAsync(JsonElement service, Dictionary<string, int> clients)
    {
        var environment = Environment(service).Select(variable => (variable.Name, clients.Aggregate(variable.Value, (value, node) =>
            value.Replace($"{node.Key}:4222", $"127.0.0.1:{node.Value}", StringComparison.Ordinal))));
        return BuiltProgram.ListenAsync("", line => BuiltProgram.Start(line, directory: null, [.. environment]));
    }

    // The engine runs the check within the hub's container, with its environment.
    private static async Task AreWellAsync(JsonElement service, int port)
    {
        var test = Texts(service.GetProperty("healthcheck"), "test").ToArray();
        Assert.That(test[..3], Is.EqualTo((string[])["CMD", "dotnet", "/app/SseListener.dll"]));
        (string, string)[] environment = [.. Environment(service), ("PORT", $"{port}"), ("SSE_HOST", "+")];
        using var check = BuiltProgram.Start(string.Join(' ', test[3..]), directory: null, environment);
        await check.EndsWellAsync();
    }

    private static IEnumerable<(string Name, string Value)> Environment(JsonElement service) =>
        from variable in service.GetProperty("environment").EnumerateObject()
        let value = Required().Replace(variable.Value.GetString()!, found => _given[found.Groups[1].Value])
        select (variable.Name, value);

    private static IEnumerable<string> Texts(JsonElement service, string name) =>
        service.TryGetProperty(name, out var list) ? list.EnumerateArray().Select(item => item.GetString()!) : [];

    private static async Task<JsonElement> ReadAsync(string file)
    {
        const string Script = "import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))";
        using var python = BuiltProgram.Execute(OtherPrograms.Python("yaml"), $"-c \"{Script}\" \"{InDeploy(file)}\"", Document.Repository);
        await python.EndsWellAsync();
        return JsonDocument.Parse(python.Output).RootElement;
    }

    private static string InDeploy(string file) => Path.Combine(Document.Repository, "SseListener", "Deploy", file);

    [GeneratedRegex(@"\$\{([A-Z_]+):\?[^}]*\}")]
    private static partial Regex Required();
}
