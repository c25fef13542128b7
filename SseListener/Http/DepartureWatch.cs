using System.Collections.Concurrent;
using SseListener.Delivery;

namespace SseListener.Http;

/// <summary>
/// Finds the clients that have left. HttpListener gives no sign of it, and even the first write afterwards succeeds
/// (dotnet/runtime#39183), but the operating system knows which connections are established.
/// </summary>
internal sealed class DepartureWatch
{
    private readonly ConcurrentDictionary<Connection, Client> _clients = new();

    /// <summary>Watches a client's connection.</summary>
    public void Add(Connection connection, Client client)
    {
        // The same two ends again: whoever had them before has gone, and the table will never show it.
        if (_clients.TryGetValue(connection, out var former))
        {
            former.End(EndReason.Left);
        }

        _clients[connection] = client;
    }

    /// <summary>Stops watching a client's connection.</summary>
    public void Remove(Connection connection, Client client) => _clients.TryRemove(new(connection, client));

    /// <summary>Ends the clients whose connection is not in the table.</summary>
    /// <param name="readEstablished">Reads which connections are established now.</param>
    public HashSet<Connection> Check(Func<HashSet<Connection>> readEstablished)
    {
        // The clients first: whoever is here before the table is read must be in it.
        var watched = _clients.ToArray();
        var established = readEstablished();

        foreach (var (connection, client) in watched)
        {
            if (!established.Contains(connection))
            {
                client.End(EndReason.Left);
            }
        }

        return established;
    }
}
