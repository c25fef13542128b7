using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>The description of the API, <c>/openapi.json</c>: it says what there is, and nothing else.</summary>
public sealed class DescribingRoutes
{
    private static readonly string[] _methods = ["get", "head", "post", "put", "delete", "patch", "options"];
    private static readonly (string, string)[] _nothing = [];

    [Test]
    public async Task It_has_every_route_with_every_parameter_and_no_other()
    {
        await using var server = TestServer.Start();
        var document = await ReadAsync(server);
        var described = from path in document.GetProperty("paths").EnumerateObject()
                        from operation in path.Value.EnumerateObject()
                        where _methods.Contains(operation.Name)
                        let parameters = ParametersOf(document, operation.Value)
                        select $"{operation.Name.ToUpperInvariant()} {Regex.Replace(path.Name, "{.*}", "")}: {string.Join(' ', parameters.Order(StringComparer.Ordinal))}";
        var there = from route in server.Server.Routes
                    select $"{route.Method} {route.Path}: {string.Join(' ', route.Known.Order(StringComparer.Ordinal))}";
        Assert.That(described, Is.EquivalentTo(there));
    }

    [Test]
    public async Task It_has_the_version_of_the_program_and_every_status_of_the_protocol()
    {
        await using var server = TestServer.Start();
        var document = await ReadAsync(server);
        Assert.That(document.GetProperty("info").GetProperty("version").GetString(), Is.EqualTo(Metrics.ServerMetrics.Version));
        var rows = Regex.Matches(new Document("SseListener/Docs/protocol.md").Text, @"^\| ((?:\d{3},? ?)+) \|", RegexOptions.Multiline);
        var statuses = rows.SelectMany(row => Regex.Matches(row.Groups[1].Value, @"\d+")).Select(status => status.Value).ToList();
        Assert.That(statuses, Has.Count.EqualTo(14));
        var responses = document.GetProperty("components").GetProperty("responses").ToString();
        Assert.That(statuses.Where(status => !responses.Contains(status, StringComparison.Ordinal)), Is.Empty);
    }

    [Test]
    public async Task It_is_the_program_s_own_whatever_the_pages_are()
    {
        await using var server = TestServer.Start();
        await File.WriteAllTextAsync(Path.Combine(server.Pages, "openapi.json"), "another");
        using var answer = await server.SendAsync("GET", "/openapi.json", _nothing);
        Assert.That(await answer.Content.ReadAsStringAsync(), Is.EqualTo(await File.ReadAllTextAsync(InSource())));
        Assert.That(answer.Content.Headers.ContentType?.ToString(), Is.EqualTo("application/json"));
        using var head = await server.SendAsync("HEAD", "/openapi.json", _nothing);
        Assert.That(head.Content.Headers.ContentLength, Is.EqualTo(new FileInfo(InSource()).Length));
        using var same = await server.SendAsync("GET", "/openapi.json", ("If-None-Match", answer.Headers.ETag!.Tag));
        Assert.That(same.StatusCode, Is.EqualTo(HttpStatusCode.NotModified));
        using var posted = await server.SendAsync("POST", "/openapi.json", _nothing);
        Assert.That(posted.StatusCode, Is.EqualTo(HttpStatusCode.MethodNotAllowed));
    }

    [TestCase("", "", "")]
    [TestCase("\"itemSchema\"", "\"itemsSchema\"", "itemsSchema")]
    [TestCase("schemas/HelloData\"", "schemas/HelloDate\"", "HelloDate")]
    [TestCase("\"required\": true,", "", "must have required property 'required'")]
    public async Task A_validator_accepts_it_and_refuses_it_when_it_is_broken(string part, string broken, string error)
    {
        const string Script = """
            import { readFileSync } from 'node:fs';
            import { Validator } from '@seriousme/openapi-schema-validator';
            const validator = new Validator();
            const { valid, errors } = await validator.validate(JSON.parse(readFileSync(process.argv[2])));
            console.log(validator.version, valid, JSON.stringify(errors));
            """;
        using var folder = new TempFolder();
        var file = Path.Combine(folder.Path, "openapi.json");
        var text = await File.ReadAllTextAsync(InSource());
        await File.WriteAllTextAsync(file, part.Length == 0 ? text : text.Replace(part, broken, StringComparison.Ordinal));
        using var node = await RealClient.NodeAsync(Script, file);
        await node.EndsWellAsync();
        Assert.That(node.Output, error.Length == 0 ? Does.StartWith("3.2 true") : Does.StartWith("3.2 false").And.Contain(error));
    }

    private static IEnumerable<string> ParametersOf(JsonElement document, JsonElement operation)
    {
        var listed = operation.TryGetProperty("parameters", out var parameters) ? parameters.EnumerateArray().Select(reference => Resolve(document, reference)) : [];
        var schemes = from choice in operation.TryGetProperty("security", out var security) ? security.EnumerateArray() : default
                      from scheme in choice.EnumerateObject()
                      select document.GetProperty("components").GetProperty("securitySchemes").GetProperty(scheme.Name);
        return from found in listed.Concat(schemes)
               where found.TryGetProperty("in", out var place) && place.GetString() == "query"
               select found.GetProperty("name").GetString();
    }

    private static JsonElement Resolve(JsonElement document, JsonElement reference) =>
        reference.GetProperty("$ref").GetString()!["#/".Length..].Split('/').Aggregate(document, (at, name) => at.GetProperty(name));

    private static async Task<JsonElement> ReadAsync(TestServer server) =>
        JsonDocument.Parse(await server.Http.GetStringAsync(new Uri("/openapi.json", UriKind.Relative))).RootElement;

    private static string InSource() => Path.Combine(Document.Repository, "SseListener", "Http", "openapi.json");
}
