using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using SseListener.Events;

namespace SseListener.Delivery;

/// <summary>
/// The clients of a lane, and who of them listens to what. Any thread may add clients and look for an audience; the rest
/// is for the lane's thread.
/// </summary>
internal sealed class LaneSubscribers(DeliveryLane lane)
{
    private readonly ConcurrentDictionary<Topic, TopicSubscribers> _audiences = new();
    private readonly List<Client> _clients = [];
    private readonly ConcurrentQueue<Client> _newcomers = new();

    /// <summary>All of them, in no order.</summary>
    public ReadOnlySpan<Client> All => CollectionsMarshal.AsSpan(_clients);

    /// <summary>Whether each has been sent, or has been lost to, everything that was appended.</summary>
    public bool AreIdle
    {
        get
        {
            foreach (var client in All)
            {
                if (!client.IsIdle)
                {
                    return false;
                }
            }

            return true;
        }
    }

    /// <summary>Takes a client in with the next <see cref="AdmitNewcomers"/>.</summary>
    public void Add(Client client) => _newcomers.Enqueue(client);

    /// <summary>Finds those who listen to a topic.</summary>
    public bool TryFind(Topic topic, [NotNullWhen(true)] out TopicSubscribers? audience) => _audiences.TryGetValue(topic, out audience);

    /// <summary>How many wait to be taken in.</summary>
    public int Newcomers => _newcomers.Count;

    /// <summary>Takes in those who wait for it.</summary>
    /// <param name="count">How many.</param>
    /// <param name="serve">Gives a newcomer what there is for it already.</param>
    public void AdmitNewcomers(int count, Action<Client> serve)
    {
        for (; count > 0 && _newcomers.TryDequeue(out var client); count--)
        {
            Admit(client);

            // Either this serving finds what is appended just now, and whether the client has been ended, or whoever did it finds the
            // audience, and the lane.
            Interlocked.MemoryBarrier();
            serve(client);
        }
    }

    /// <summary>Lets go of a client.</summary>
    public void Release(Client client)
    {
        var last = _clients[^1];
        _clients[client.Place] = last;
        last.Place = client.Place;
        _clients.RemoveAt(_clients.Count - 1);
        foreach (var seat in client.Seats)
        {
            seat.TopicSubscribers.Topic.CountClient(-1);
            seat.TopicSubscribers.Remove(seat);
            if (seat.TopicSubscribers.Clients.IsEmpty)
            {
                _audiences.TryRemove(seat.TopicSubscribers.Topic, out _);
            }
        }
    }

    private void Admit(Client client)
    {
        client.Lane = lane;
        client.Place = _clients.Count;
        _clients.Add(client);
        foreach (var topic in client.Subscription.Topics)
        {
            topic.CountClient(1);
        }

        client.Seats = [.. client.Subscription.Topics.Select(topic => _audiences.GetOrAdd(topic, static topic => new TopicSubscribers(topic)).Add(client))];
    }
}
