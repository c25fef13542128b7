using System.Net.ServerSentEvents;
using System.Text.Json;
using System.Text.Json.Nodes;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>What the server sends is what <c>/openapi.json</c> says, and so are its examples.</summary>
public sealed class DescribedAnswers
{
    // Writes what is not as the schema says. A member that the schema does not have counts as well.
    private const string Script = """
        import { readFileSync } from 'node:fs';
        import Ajv from 'ajv/dist/2020.js';
        const [document, answers] = process.argv.slice(2).map(file => JSON.parse(readFileSync(file)));
        const close = node => {
          if (node?.properties && !Array.isArray(node.properties)) node.additionalProperties = false;
          if (node && typeof node === 'object') Object.values(node).forEach(close);
        };
        const { schemas } = document.components;
        Object.values(schemas).forEach(close);
        const ajv = new Ajv({ strict: false, validateFormats: false }).addSchema({ $id: 'api:', components: { schemas } });
        const examples = Object.keys(schemas).flatMap(name => (schemas[name].examples ?? []).map(example => [name, example]));
        for (const [name, value] of [...examples, ...answers]) {
          const validate = ajv.getSchema(`api:#/components/schemas/${name}`);
          if (!validate(value)) console.log(name, JSON.stringify(value), ajv.errorsText(validate.errors));
        }
        console.log(examples.length > 10 && 'done');
        """;

    [Test]
    public async Task Each_is_as_its_schema_says()
    {
        await using var server = TestServer.Start(o => o with { JwtKey = SignedTokens.Key(Jwt.Secret), PublishToken = "t" });
        server.Http.DefaultRequestHeaders.Authorization = new("Bearer", "t");
        var answers = new JsonArray();
        await using var stream = await server.SubscribeAsync("?channel=room/7", "unknown");
        Add(answers, "HelloData", stream.Hello);
        await AddEventAsync(answers, stream, "Gap");
        await using (await EventStream.OpenAsync(server.Http, "/events?channel=room/7"))
        {
            await AddEventAsync(answers, stream, "Presence");
            Add(answers, "Channel", await server.Http.GetStringAsync(new Uri("/channels/room/7", UriKind.Relative)));
        }

        await AddEventAsync(answers, stream, "Presence");
        await AddAnswerAsync(answers, "Published", await server.PostAsync("/events?channel=room/7", "application/json", """{"type":"a","data":1,"retry":5}"""));
        Add(answers, "Message", EventOf(await stream.NextAsync()));
        Add(answers, "Event", """{"type":"a","data":1,"retry":5}""");
        await AddAnswerAsync(answers, "Published", await server.PostAsync("/events?channel=room/7&end=1", "application/x-ndjson", "{\"data\":1}\n{\"data\":2}"));
        await AddAnswerAsync(answers, "Problem", await server.PostAsync("/events?channel=room/7", "text/plain", "late"));
        await stream.NextDataAsync(2);
        await AddEventAsync(answers, stream, "End");
        Add(answers, "Channels", await server.Http.GetStringAsync(new Uri("/channels", UriKind.Relative)));
        Add(answers, "Health", await server.Http.GetStringAsync(new Uri("/healthz", UriKind.Relative)));
        Add(answers, "Status", await server.Http.GetStringAsync(new Uri("/status", UriKind.Relative)));
        await AddAnswerAsync(answers, "History", await server.SendAsync("GET", "/events?channel=room/7", ("Accept", "application/json")));
        Assert.That(await FaultsAsync(answers), Is.EqualTo("done"));

        answers.Add(new JsonArray("Health", new JsonObject { ["status"] = "ok", ["more"] = 1 }));
        Assert.That(await FaultsAsync(answers), Does.Contain("must NOT have additional properties"));
    }

    private static async Task AddEventAsync(JsonArray answers, EventStream stream, string schema)
    {
        var item = await stream.NextAsync();
        Add(answers, schema, EventOf(item));
        Add(answers, schema + "Data", item.Data);
    }

    private static async Task AddAnswerAsync(JsonArray answers, string schema, HttpResponseMessage answer)
    {
        using (answer)
            Add(answers, schema, await answer.Content.ReadAsStringAsync());
    }

    private static void Add(JsonArray answers, string schema, string json) => answers.Add(new JsonArray(schema, JsonNode.Parse(json)));

    // An event as OpenAPI sees it: an object of its fields.
    private static string EventOf(SseItem<string> item)
    {
        var fields = new JsonObject { ["event"] = item.EventType, ["data"] = item.Data };
        if (item.EventId is { Length: > 0 } id)
            fields["id"] = id;

        if (item.ReconnectionInterval is { } retry)
            fields["retry"] = (long)retry.TotalMilliseconds;

        return fields.ToJsonString();
    }

    private static async Task<string> FaultsAsync(JsonArray answers)
    {
        using var folder = new TempFolder();
        var file = Path.Combine(folder.Path, "answers.json");
        await File.WriteAllTextAsync(file, answers.ToJsonString(JsonSerializerOptions.Default));
        using var node = await RealClient.NodeAsync(Script, Path.Combine(Document.Repository, "SseListener", "Http", "openapi.json"), file);
        await node.EndsWellAsync();
        return node.Output;
    }
}
