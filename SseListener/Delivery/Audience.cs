using System.Runtime.InteropServices;
using SseListener.Events;

namespace SseListener.Delivery;

/// <summary>A lane's clients of one channel. For the lane's thread, but for <see cref="HasNews"/>.</summary>
internal sealed class Audience(ChannelLog log)
{
    private readonly List<Client> _clients = [];

    /// <summary>1 while the audience waits in the queue of those to sweep.</summary>
    public int HasNews;

    private long _swept = log.Length;

    /// <summary>The clients, in no order.</summary>
    public ReadOnlySpan<Client> Clients => CollectionsMarshal.AsSpan(_clients);

    /// <summary>Whether all of them have been sent everything.</summary>
    public bool IsIdle => _clients.TrueForAll(client => client.IsIdle);

    /// <summary>Bytes that were appended to the log since the last call.</summary>
    public long TakeNews()
    {
        var length = log.Length;
        var news = length - _swept;
        _swept = length;
        return news;
    }

    /// <summary>Takes a client in.</summary>
    public void Add(Client client)
    {
        client.Place = _clients.Count;
        _clients.Add(client);
    }

    /// <summary>Lets go of a client; the last one takes its place.</summary>
    public void Remove(Client client)
    {
        var last = _clients[^1];
        _clients[client.Place] = last;
        last.Place = client.Place;
        _clients.RemoveAt(_clients.Count - 1);
        client.Place = -1;
    }
}
