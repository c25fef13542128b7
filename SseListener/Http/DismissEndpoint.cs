using SseListener.Access;
using SseListener.Cluster;
using SseListener.Delivery;
using SseListener.Events;
using SseListener.Listener;

namespace SseListener.Http;

/// <summary>
/// <c>DELETE /clients/ID</c> ends a client's stream, for those who may publish to all that it listens to. An EventSource comes back by
/// itself; only a token that is no longer good keeps it away. The other hubs of a cluster are asked for a client that is not here, and the
/// right is checked where it is.
/// </summary>
internal sealed class DismissEndpoint(
    ConcurrentDictionary<string, Client> clients, Neighbours? neighbours, Permissions access, Responses responses)
{
    /// <summary>What the path of a client begins with; its id follows.</summary>
    public const string ClientPath = "/clients/";

    public async Task<Refusal?> DismissAsync(Exchange exchange)
    {
        // The check comes first: without any right to publish a caller must not learn who is there.
        var id = exchange.Target.Path[ClientPath.Length..];
        clients.TryGetValue(id, out var client);
        if (await access.CheckPublishAsync(exchange, ChannelsOf(client)) is { } forbidden)
            return forbidden;

        client?.End(EndReason.Dismissed);
        var result = client is not null ? Dismissal.Dismissed : await DismissElsewhereAsync(id, exchange);
        if (result is not Dismissal.Dismissed)
            return Explain(result);

        await responses.SendEmptyAsync(exchange);
        return null;
    }

    /// <summary>Ends the stream of a client that is here, for another hub that was sent this token; an empty one for none.</summary>
    public async Task<Dismissal> DismissAsync(string id, string token)
    {
        if (!clients.TryGetValue(id, out var client))
            return Dismissal.NotHere;

        if (await access.CheckPublishAsync(token.Length == 0 ? null : token, ChannelsOf(client)) is not null)
            return Dismissal.Forbidden;

        client.End(EndReason.Dismissed);
        return Dismissal.Dismissed;
    }

    private Task<Dismissal> DismissElsewhereAsync(string id, Exchange exchange) =>
        neighbours is null || !id.All(NanoId.Alphabet.Contains) ? Task.FromResult(Dismissal.NotHere)
        : neighbours.DismissAsync(id, PresentedTokens.FromHeader(exchange) ?? "");

    private static string[] ChannelsOf(Client? client) => [.. client?.Subscription.Topics.Select(topic => topic.Name) ?? []];

    private Refusal Explain(Dismissal result) => result switch
    {
        Dismissal.Forbidden => access.Insufficient("the token may not publish to all that the client listens to"),
        Dismissal.Unknown => Refusal.Later(503, "cluster", "Not all hubs have said whether they have a client with this id."),
        _ => Refusal.Of(404, "There is no client with this id."),
    };
}
