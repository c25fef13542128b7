using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>Ending somebody else's stream.</summary>
public sealed class DismissingClients
{
    [Test]
    public async Task A_client_is_sent_away_and_the_others_are_told()
    {
        await using var server = TestServer.Start();
        await using var other = await server.SubscribeAsync();
        await using var client = await server.SubscribeAsync();
        Assert.That((await other.NextAsync()).EventType, Is.EqualTo("join"));
        using var answer = await server.SendAsync("DELETE", "/clients/" + client.ClientId);
        Assert.That((int)answer.StatusCode, Is.EqualTo(204));
        Assert.That(await answer.Content.ReadAsByteArrayAsync(), Is.Empty);
        await client.EndAsync();
        Assert.That((await other.NextAsync()).Data, Is.EqualTo($$"""{"left":"{{client.ClientId}}","clients":1}"""));
        await server.LogsAsync($"closed the connection of client {client.ClientId}: it was dismissed");
        await Wait.UntilAsync(() => server.Server.Clients.Count == 1, "it is still there");
        using var again = await server.SendAsync("DELETE", "/clients/" + client.ClientId);
        await Problem.ExpectAsync(again, 404, "no client with this id");
    }

    [TestCase("/clients/nobody")]
    [TestCase("/clients/")]
    [TestCase("/clients/a/b")]
    public async Task Who_is_not_there_gets_404(string path)
    {
        await using var server = TestServer.Start();
        using var answer = await server.SendAsync("DELETE", path);
        await Problem.ExpectAsync(answer, 404, "no client with this id");
    }

    [TestCase("GET")]
    [TestCase("POST")]
    public async Task There_is_no_other_method(string method)
    {
        await using var server = TestServer.Start();
        using var answer = await server.SendAsync(method, "/clients/x");
        await Problem.ExpectAsync(answer, 405, "DELETE");
        Assert.That(answer.Content.Headers.Allow, Is.EqualTo((string[])["DELETE"]));
    }

    [TestCase(null, 401)]
    [TestCase("wrong", 401)]
    [TestCase("plain", 204)]
    [TestCase("orders/*", 204)]
    [TestCase("orders/1", 403)]
    [TestCase("", 403)]
    public async Task It_takes_the_right_to_publish_to_all_that_the_client_listens_to(string? right, int status)
    {
        await using var server = TestServer.Start(o => o with { JwtKey = SignedTokens.Key(Jwt.Secret), PublishToken = "plain" });
        await using var client = await server.SubscribeAsync("?channel=orders/1&channel=orders/2");
        var token = right is null or "wrong" or "plain" ? right : Jwt.For(publish: right.Length == 0 ? [] : [right]);
        using var answer = await server.SendAsync("DELETE", "/clients/" + client.ClientId, token is null ? [] : [("Authorization", "Bearer " + token)]);
        Assert.That((int)answer.StatusCode, Is.EqualTo(status));
        Assert.That(server.Server.Clients.ContainsKey(client.ClientId) || status == 204);
        using var unknown = await server.SendAsync("DELETE", "/clients/unknown", token is null ? [] : [("Authorization", "Bearer " + token)]);
        Assert.That((int)unknown.StatusCode, Is.EqualTo(status == 204 || right == "orders/1" ? 404 : status), "who may publish nowhere does not learn who is there");
    }

    [Test]
    public async Task A_page_of_another_site_sends_nobody_away()
    {
        await using var server = TestServer.Start();
        await using var client = await server.SubscribeAsync();
        using var answer = await server.SendAsync("DELETE", "/clients/" + client.ClientId, ("Origin", "http://evil.example"));
        await Problem.ExpectAsync(answer, 403, "http://evil.example");
        await server.ExpectNothingArrivedAsync(client);
    }
}
