using SseListener.Access;
using SseListener.Delivery;
using SseListener.Listener;

namespace SseListener.Http;

/// <summary><c>DELETE /clients/ID</c> ends a client's stream. It takes the right to publish to all that the client listens to.</summary>
internal sealed class ClientsEndpoint(ConcurrentDictionary<string, Client> clients, Permissions access, Responses responses)
{
    private const string Path = "/clients/";

    /// <summary>Whether a path is that of a client.</summary>
    public static bool Has(string path) => path.StartsWith(Path, StringComparison.Ordinal);

    /// <summary>Ends the stream. An EventSource comes back by itself; only a token that is no longer good keeps it away.</summary>
    public async Task<Refusal?> DismissAsync(Exchange exchange)
    {
        // The check comes first: without any right to publish a caller must not learn who is there.
        clients.TryGetValue(exchange.Target.Path[Path.Length..], out var client);
        var channels = client?.Subscription.Topics.Select(topic => topic.Name) ?? [];
        if (await access.CheckPublishAsync(exchange, [.. channels]) is { } refusal)
            return refusal;

        if (client is null)
            return Refusal.Of(404, "There is no client with this id.");

        client.End(EndReason.Dismissed);
        await responses.SendEmptyAsync(exchange);
        return null;
    }
}
