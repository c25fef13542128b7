using System.Collections.Concurrent;
using System.Net.Sockets;
using SseListener.Delivery;

namespace SseListener.Http;

/// <summary>
/// Finds the clients that have left. HttpListener gives no sign of it, and even the first write afterwards succeeds
/// (dotnet/runtime#39183), but the operating system knows which connections are established. A reading of all of them finds the
/// clients' sockets too; from then on one poll tells which of these have something to read, as the socket of who has left has.
/// </summary>
internal sealed class DepartureWatch
{
    // Socket.Select takes 65,536.
    private const int MostAtOnce = 4096;

    private readonly ConcurrentDictionary<Connection, (Client Client, long Number)> _clients = new();
    private readonly Dictionary<Socket, (Client Client, OpenSocket Open)> _found = [];
    private readonly List<Socket> _asked = [];
    private long _added;
    private long _lastRead;

    /// <summary>Whether a reading is needed to see all clients: some are new, or the operating system has no sockets to show.</summary>
    public bool NeedsReading => Interlocked.Read(ref _added) > _lastRead || !OperatingSystem.IsLinux();

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

    /// <summary>Lets those clients leave whose connection is not in the table. Like the other check, for one thread.</summary>
    /// <param name="readEstablished">Reads which connections are established now.</param>
    public IReadOnlyDictionary<Connection, OpenSocket?> Check(Func<IReadOnlyDictionary<Connection, OpenSocket?>> readEstablished)
    {
        // Whoever is here before the table is read must be in it; of those who come later it knows nothing.
        var last = Interlocked.Read(ref _added);
        var established = readEstablished();

        _found.Clear();
        foreach (var (connection, (client, number)) in _clients)
        {
            if (established.TryGetValue(connection, out var open))
            {
                if (open is not null)
                {
                    _found[open.Socket] = (client, open);
                }
            }
            else if (number <= last)
            {
                client.Leave();
            }
        }

        _lastRead = last;
        return established;
    }

    /// <summary>Lets those clients leave whose socket, known since the last reading, says that they have.</summary>
    public void CheckFound()
    {
        _asked.Clear();
        foreach (var (socket, (client, _)) in _found)
        {
            if (client.Ended.IsCompleted)
            {
                _found.Remove(socket);
                continue;
            }

            _asked.Add(socket);
            if (_asked.Count == MostAtOnce)
            {
                Ask();
            }
        }

        if (_asked.Count > 0)
        {
            Ask();
        }
    }

    private void Ask()
    {
        try
        {
            Socket.Select(_asked, checkWrite: null, checkError: null, TimeSpan.Zero);
        }
        catch (SocketException)
        {
            // The poll itself failed, and has told nobody apart: so each is looked at.
        }

        foreach (var socket in _asked)
        {
            // Who sends something without leaving has something to read too.
            var (client, open) = _found[socket];
            if (!open.IsEstablished)
            {
                client.Leave();
            }
        }

        _asked.Clear();
    }
}
