using System.Formats.Tar;
using System.IO.Compression;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>
/// The forms that the program is given away in, made by the commands of <c>SseListener/Deploy/README.md</c>, and each used where there is
/// nothing but the form. One after the other, for each keeps all processors busy for a while.
/// </summary>
[Parallelizable(ParallelScope.Self)]
public sealed class Packaging
{
    private static readonly TimeSpan _limit = TimeSpan.FromMinutes(8);
    private static readonly string[] _algorithms = ["HS256", "ES256", "RS256"];

    // Of all forms: as in the repository, what has been compiled for one is there for the next.
    private static readonly TempFolder _artifacts = new();

    [OneTimeTearDown]
    public static void DeleteArtifacts() => _artifacts.Dispose();

    [TestCase("-p:PublishAot=true")]
    [TestCase("--self-contained -p:PublishSingleFile=true")]
    public async Task It_is_a_single_file(string options)
    {
        OtherPrograms.Packaging();
        using var folder = new TempFolder();
        await RunAsync(folder, Line($"dotnet publish SseListener -c Release -r linux-x64 {options} -o "), ("/opt/sse-listener", "program"));
        var program = Path.Combine(folder.Path, "program", "SseListener");
        var others = from file in Directory.GetFiles(Path.Combine(folder.Path, "program")) where file != program select Path.GetExtension(file);
        Assert.That(others, Is.SubsetOf([".pdb"]));
        await UseAsync(program);

        // The bench starts the program itself. When it comes to the second server, it has measured the first.
        using var bench = BuiltProgram.Execute(program, "bench --clients 20 --events 20 --rate 500", folder.Path);
        await bench.LogsAsync("burst, naive");
        bench.Signal("TERM");
        Assert.That(await bench.EndAsync(), Is.EqualTo(143));

        // The last, for it is skipped where there is no NATS.
        await ShareAsync(program);
    }

    [Test]
    public async Task It_is_a_tool()
    {
        OtherPrograms.Packaging();
        using var folder = new TempFolder();
        await RunAsync(folder, Line("dotnet pack SseListener -c Release -o "), ("-o packages", "-o packages"));
        using var install = BuiltProgram.Execute("dotnet", Line("dotnet tool install ").Replace("--global", "--tool-path tools", StringComparison.Ordinal)["dotnet ".Length..], folder.Path);
        Assert.That(await install.EndAsync(_limit), Is.Zero, install.Errors + install.Output);
        await UseAsync(Path.Combine(folder.Path, "tools", "sse-listener"));
    }

    // There may be no engine here to run it: what is in it and how it is to be run is looked at.
    [Test]
    public async Task It_is_a_container()
    {
        OtherPrograms.Packaging();
        using var registry = new Registry();
        using var folder = new TempFolder();
        var line = Line("dotnet publish SseListener -c Release -t:PublishContainer") + $" -p:ContainerBaseImage={registry.Host}/base:1";
        await RunAsync(folder, line, ("sse-listener.tar", "image.tar"), ("DOTNET_CONTAINER_INSECURE_REGISTRIES", registry.Host));
        await TarFile.ExtractToDirectoryAsync(Path.Combine(folder.Path, "image.tar"), folder.Path, overwriteFiles: false);
        var image = Read(folder, "manifest.json")[0];
        var config = Read(folder, image.GetProperty("Config").GetString()!).GetProperty("config");
        Assert.That(config.GetProperty("User").GetString(), Is.EqualTo("1654"));
        Assert.That(config.GetProperty("Entrypoint").EnumerateArray().Select(part => part.GetString()), Is.EqualTo((string[])["dotnet", "/app/SseListener.dll"]));
        Assert.That(config.GetProperty("Env").EnumerateArray().Select(variable => variable.GetString()), Is.SupersetOf((string[])["SSE_HOST=+", "SSE_DATA=none"]));
        Assert.That(config.GetProperty("ExposedPorts").EnumerateObject().Select(port => port.Name), Is.EqualTo((string[])["3000/tcp"]));
        var layers = image.GetProperty("Layers").EnumerateArray().ToArray();
        Assert.That(layers, Has.Length.EqualTo(2));
        await using var layer = new GZipStream(File.OpenRead(Path.Combine(folder.Path, layers[1].GetString()!)), CompressionMode.Decompress);
        await TarFile.ExtractToDirectoryAsync(layer, folder.Path, overwriteFiles: false);
        await UseAsync("dotnet", Path.Combine(folder.Path, "app", "SseListener.dll"));
    }

    // Its page, its streams, publishing with tokens of each kind, and the journal, over restarts.
    private static async Task UseAsync(string program, string firstArgument = "")
    {
        using var folder = new TempFolder();
        for (var i = 0; i < _algorithms.Length; i++)
        {
            var (key, token) = await KeyAsync(_algorithms[i], folder);
            var (running, port) = await BuiltProgram.ListenAsync($"--data \"{folder.Path}/data\" --jwt-key \"{key}\"", line => BuiltProgram.Execute(program, $"{firstArgument} {line}", folder.Path));
            using (running)
            {
                await UseAsync(port, token, _algorithms[..(i + 1)]);
                await IsWellAsync(program, firstArgument, port);
                running.Signal("TERM");
                Assert.That(await running.EndAsync(), Is.Zero);
            }
        }
    }

    private static async Task IsWellAsync(string program, string firstArgument, int port)
    {
        using var health = BuiltProgram.Execute(program, $"{firstArgument} health", AppContext.BaseDirectory, ("PORT", $"{port}"));
        await health.EndsWellAsync();
    }

    private static async Task UseAsync(int port, string token, string[] events)
    {
        using var http = new HttpClient { BaseAddress = new Uri($"http://localhost:{port}"), Timeout = Wait.Limit };
        var page = await File.ReadAllBytesAsync(Path.Combine(Document.Repository, "public", "index.html"));
        Assert.That(await http.GetByteArrayAsync(new Uri("/", UriKind.Relative)), Is.EqualTo(page));
        await using var stream = await EventStream.OpenAsync(http, "/events?lastEventId=earliest");
        using var content = new StringContent(events[^1], Encoding.UTF8, "text/plain");
        using var refused = await http.PostAsync(new Uri("/events", UriKind.Relative), content);
        http.DefaultRequestHeaders.Authorization = new("Bearer", token);
        using var taken = await http.PostAsync(new Uri("/events", UriKind.Relative), content);
        Assert.That(((int)refused.StatusCode, (int)taken.StatusCode), Is.EqualTo((401, 200)));
        Assert.That(await stream.NextDataAsync(events.Length), Is.EqualTo(events));
        Assert.That(await http.GetStringAsync(new Uri("/metrics", UriKind.Relative)), Does.Contain("\nsse_clients 1\n").And.Contain("\ndotnet_gc_collections_total{"));
    }

    // As two hubs of a cluster: what one takes comes out of the other, where clients also resume and from where they are dismissed.
    private static async Task ShareAsync(string program)
    {
        using var nats = await NatsServer.StartAsync();
        var arguments = $"--cluster {nats.Address} --cluster-replicas 1";
        var (a, portA) = await BuiltProgram.ListenAsync(arguments, line => BuiltProgram.Execute(program, line, nats.Folder));
        using var hubA = a;
        var (b, portB) = await BuiltProgram.ListenAsync(arguments, line => BuiltProgram.Execute(program, line, nats.Folder));
        using var hubB = b;
        using var atA = new HttpClient { BaseAddress = new Uri($"http://localhost:{portA}"), Timeout = Wait.Limit };
        using var atB = new HttpClient { BaseAddress = new Uri($"http://localhost:{portB}"), Timeout = Wait.Limit };
        await using var stream = await EventStream.OpenAsync(atB, "/events");
        foreach (var id in (string[])["first", "second"])
        {
            using var content = new StringContent(id, Encoding.UTF8, "text/plain");
            using var taken = await atA.PostAsync(new Uri($"/events?id={id}", UriKind.Relative), content);
            Assert.That(taken.StatusCode, Is.EqualTo(HttpStatusCode.OK), a.Errors);
        }

        Assert.That(await stream.NextDataAsync(2), Is.EqualTo((string[])["first", "second"]));
        await using var resumed = await EventStream.OpenAsync(atB, "/events", lastEventId: "first");
        Assert.That((await resumed.NextAsync()).Data, Is.EqualTo("second"));
        using var dismissed = await atA.DeleteAsync(new Uri("/clients/" + stream.ClientId, UriKind.Relative));
        Assert.That(dismissed.StatusCode, Is.EqualTo(HttpStatusCode.NoContent));
        foreach (var hub in (BuiltProgram[])[a, b])
        {
            hub.Signal("TERM");
            Assert.That(await hub.EndAsync(), Is.Zero, hub.Errors);
        }
    }

    private static async Task<(string Key, string Token)> KeyAsync(string algorithm, TempFolder folder)
    {
        var claims = Jwt.Claims(["*"], [], TimeSpan.FromMinutes(5));
        if (algorithm == "HS256")
            return (Jwt.Secret, Jwt.Hs256(claims));

        using var ec = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var rsa = RSA.Create(2048);
        var isEc = algorithm == "ES256";
        var file = Path.Combine(folder.Path, $"{algorithm}.pem");
        await File.WriteAllTextAsync(file, isEc ? ec.ExportSubjectPublicKeyInfoPem() : rsa.ExportSubjectPublicKeyInfoPem());
        return (file, Jwt.Sign($$"""{"alg":"{{algorithm}}"}""", claims, bytes =>
            isEc ? ec.SignData(bytes, HashAlgorithmName.SHA256) : rsa.SignData(bytes, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)));
    }

    private static string Line(string start) => new Document("SseListener/Deploy/README.md").Line(start);

    // Builds beside the tests' own build, and leaves no process behind.
    private static async Task RunAsync(TempFolder folder, string line, (string Written, string Here) output, params (string Name, string Value)[] environment)
    {
        Assert.That(line, Does.Contain(output.Written));
        var here = output.Here.StartsWith("-o ", StringComparison.Ordinal) ? $"-o {folder.Path}/{output.Here[3..]}" : Path.Combine(folder.Path, output.Here);
        var arguments = $"{line["dotnet ".Length..].Replace(output.Written, here, StringComparison.Ordinal)} --artifacts-path {_artifacts.Path} -p:RunAnalyzers=false -p:UseSharedCompilation=false --nodeReuse:false";
        using var build = BuiltProgram.Execute("dotnet", arguments, Document.Repository, environment);
        Assert.That(await build.EndAsync(_limit), Is.Zero, build.Errors + build.Output);
        Assert.That(build.Output, Does.Not.Contain("warning"));
    }

    private static JsonElement Read(TempFolder folder, string file) => JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder.Path, file))).RootElement;
}
