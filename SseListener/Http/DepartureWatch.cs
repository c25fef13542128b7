using System.Collections.Concurrent;
using SseListener.Delivery;

namespace SseListener.Http;

/// <summary>
/// Finds the clients that have left. HttpListener gives no sign of it, and even the first write afterwards succeeds
/// (dotnet/runtime#39183), but the operating system knows which connections are established.
/// </summary>
internal sealed class DepartureWatch
{
    private readonly ConcurrentDictionary<Connection, (Client Client, long Number)> _clients = new();
    private long _added;

    /// <summary>Watches a client's connection.</summary>
    public void Add(Connection connection, Client client)
    {
        // The same two ends again: whoever had them before has gone, and the table will never show it.
        if (_clients.TryGetValue(connection, out var former))
        {
            former.Client.End(EndReason.Left);
        }

        _clients[connection] = (client, Interlocked.Increment(ref _added));
    }

    /// <summary>Stops watching a client's connection.</summary>
    public void Remove(Connection connection, Client client)
    {
        if (_clients.TryGetValue(connection, out var watched) && watched.Client == client)
        {
            _clients.TryRemove(new(connection, watched));
        }
    }

    /// <summary>Lets those clients leave whose connection is not in the table.</summary>
    /// <param name="readEstablished">Reads which connections are established now.</param>
    public IReadOnlySet<Connection> Check(Func<IReadOnlySet<Connection>> readEstablished)
    {
        // Whoever is here before the table is read must be in it; of those who come later it knows nothing.
        var last = Interlocked.Read(ref _added);
        var established = readEstablished();

        foreach (var (connection, (client, number)) in _clients)
        {
            if (number <= last && !established.Contains(connection))
            {
                client.Leave();
            }
        }

        return established;
    }
}
