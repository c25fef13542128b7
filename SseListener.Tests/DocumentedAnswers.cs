using System.Text.RegularExpressions;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>The commands of <c>SseListener/Docs/protocol.md</c>, but for the port, and their answers.</summary>
public sealed class DocumentedAnswers
{
    private static readonly Document _document = new("SseListener/Docs/protocol.md");

    [Test]
    public async Task Who_is_there_is_answered_as_it_shows()
    {
        await using var server = TestServer.Start(options => options with { JwtKey = SignedTokens.Key(Jwt.Secret), PublishToken = "plain" });
        await using var ann = await server.SubscribeAsync("?channel=room/7&token=" + Jwt.For(user: "ann"));
        await using var nobody = await server.SubscribeAsync("?channel=room/7");
        foreach (var channel in (string[])["room/7", "room/8"])
        {
            using var published = await server.SendAsync("POST", "/events?channel=" + channel, ("Authorization", "Bearer plain"));
            published.EnsureSuccessStatusCode();
        }

        var commands = Commands("/channels");
        var shown = _document.Blocks("json").Where(block => block.StartsWith("{\"channel", StringComparison.Ordinal)).Select(block => block.Replace("\n ", "", StringComparison.Ordinal).TrimEnd()).ToArray();
        Assert.That((commands.Length, shown.Length), Is.EqualTo((3, 2)));
        var members = Regex.Matches(shown[0], "\"client\":\"(.{10})\"").Select(match => match.Groups[1].Value).ToArray();
        var expected = shown[0].Replace(members[0], ann.ClientId, StringComparison.Ordinal).Replace(members[1], nobody.ClientId, StringComparison.Ordinal);
        var answer = await OutputAsync(server.Port, commands[0]);
        Assert.That(WithoutPosition(answer), Is.EqualTo(WithoutPosition(expected)).Or.EqualTo(WithoutPosition(Turned(expected))));
        Assert.That(await OutputAsync(server.Port, commands[1]), Is.EqualTo(shown[1]));
        Assert.That(await OutputAsync(server.Port, commands[2]), Is.EqualTo("""{"channels":["room/8"]}"""));
    }

    [Test]
    public async Task History_is_answered_as_it_shows_and_channels_end()
    {
        await using var server = TestServer.Start();
        await server.PublishAsync("""{"id":"d1iVC4ofh5","type":"paid","data":{"by":"card"}}""", "orders/42");
        var shown = _document.Blocks("json").Single(block => block.StartsWith("{\"position", StringComparison.Ordinal)).TrimEnd();
        Assert.That(WithoutPosition(await OutputAsync(server.Port, Commands("limit=").Single())), Is.EqualTo(WithoutPosition(shown)));
        var ends = Commands("end=1");
        Assert.That(ends, Has.Length.EqualTo(2));
        foreach (var command in ends)
            Assert.That(await OutputAsync(server.Port, command), Does.EndWith("\"ended\":true}"));

        using var late = await server.PostAsync("/events?channel=llm/43", "text/plain", "late");
        Assert.That((int)late.StatusCode, Is.EqualTo(409));
    }

    private static string[] Commands(string part) =>
        [.. string.Concat(_document.Blocks("bash")).Split('\n').Where(line => line.Contains(part, StringComparison.Ordinal))];

    private static string WithoutPosition(string answer) => Regex.Replace(answer, "\"@[A-Za-z0-9_-]{22}\"", "");

    // The members stand as the lanes have them.
    private static string Turned(string answer) => Regex.Replace(answer, @"\[(.*),(\{[^{]*)\]", "[$2,$1]");

    private static async Task<string> OutputAsync(int port, string line)
    {
        Assert.That(line, Does.StartWith("curl ").And.Contain("localhost:3000"));
        using var curl = RealClient.Curl(line["curl ".Length..].Replace("localhost:3000", $"localhost:{port}", StringComparison.Ordinal));
        await curl.EndsWellAsync();
        return curl.Output;
    }
}
