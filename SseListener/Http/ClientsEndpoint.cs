using System.Collections.Concurrent;
using System.Net;
using SseListener.Access;
using SseListener.Delivery;
using SseListener.Listener;

namespace SseListener.Http;

/// <summary><c>DELETE /clients/ID</c>: ends a client's stream, for whoever may publish to all that it listens to.</summary>
internal sealed class ClientsEndpoint(ConcurrentDictionary<string, Client> clients, Permissions access, Responses responses)
{
    private const string Path = "/clients/";

    /// <summary>Whether a path is that of a client.</summary>
    public static bool Has(string path) => path.StartsWith(Path, StringComparison.Ordinal);

    /// <summary>Ends the stream. An EventSource comes back by itself; what keeps it away is a token that is no longer good.</summary>
    public async Task DismissAsync(Exchange exchange)
    {
        // Without a right to publish anywhere, one is not to learn who is there.
        clients.TryGetValue(exchange.Target.Path[Path.Length..], out var client);
        var channels = client?.Subscription.Topics.Select(topic => topic.Name) ?? [];
        if (await access.PublishAsync(exchange, [.. channels]) is { } refusal)
        {
            await responses.RefuseAsync(exchange, refusal);
        }
        else if (client is null)
        {
            await responses.ProblemAsync(exchange, (int)HttpStatusCode.NotFound, "There is no client with this id.");
        }
        else
        {
            client.End(EndReason.Dismissed);
            await responses.SendEmptyAsync(exchange);
        }
    }
}
