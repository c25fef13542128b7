using System.Diagnostics;
using System.Runtime.InteropServices;
using SseListener.Events;

namespace SseListener.Delivery;

/// <summary>A lane's clients that listen to a topic. For the lane's thread, but for <see cref="TryAnnounce"/>.</summary>
internal sealed class TopicSubscribers(Topic topic)
{
    // Clients between two looks at the clock.
    private const int Stretch = 64;

    // 5 ms.
    private static readonly long _longestStretch = Stopwatch.Frequency / 200;

    // Beside the seats, because a sweep goes over cold memory: an indirection less.
    private readonly List<Client> _clients = [];
    private readonly List<Seat> _seats = [];

    private long _newsSince;
    private int _hasNews;

    // Of the sweep that is under way: when it began, since when there was news for it, and how many clients have had their turn.
    private long _started;
    private long _announced;
    private int _swept;
    private RateLimit _changes = new(Presence.MostOfChannel);

    /// <summary>The topic.</summary>
    public Topic Topic => topic;

    /// <summary>Bounds the joins and leaves that are told.</summary>
    public ref RateLimit Changes => ref _changes;

    /// <summary>The clients, in no order.</summary>
    public ReadOnlySpan<Client> Clients => CollectionsMarshal.AsSpan(_clients);

    /// <summary>Takes note that the topic has something new; false when a sweep is due anyway. Any thread may call it.</summary>
    public bool TryAnnounce()
    {
        if (Interlocked.Exchange(ref _hasNews, 1) == 1)
        {
            return false;
        }

        Volatile.Write(ref _newsSince, Stopwatch.GetTimestamp());
        return true;
    }

    /// <summary>
    /// Gives the clients their turn, one after another. An audience that takes long gives way to the others, and goes on behind them.
    /// </summary>
    /// <param name="serve">Gives a client its turn.</param>
    /// <param name="meter">Told how long it took.</param>
    /// <returns>Whether all of them have had it.</returns>
    public bool Sweep(Action<Client> serve, LaneMeter meter)
    {
        var now = Stopwatch.GetTimestamp();
        var end = now + _longestStretch;
        if (_swept == 0)
        {
            BeginSweep(now);
        }

        while (_swept < _clients.Count && now < end)
        {
            foreach (var client in NextClients())
            {
                serve(client);
            }

            now = Stopwatch.GetTimestamp();
        }

        if (_swept < _clients.Count)
        {
            return false;
        }

        EndSweep(now, meter);
        return true;
    }

    /// <summary>Takes a client in.</summary>
    public Seat Add(Client client)
    {
        var seat = new Seat(this) { Place = _seats.Count };
        _clients.Add(client);
        _seats.Add(seat);
        return seat;
    }

    /// <summary>Lets go of a client; the last one takes its place.</summary>
    public void Remove(Seat seat)
    {
        var place = seat.Place;
        if (place < _swept)
        {
            // The last one may not have had its turn, so it takes the place of the last that has.
            Move(--_swept, place);
            place = _swept;
        }

        Move(_seats.Count - 1, place);
        _seats.RemoveAt(_seats.Count - 1);
        _clients.RemoveAt(_clients.Count - 1);
    }

    // What is new from here on is for the next sweep.
    private void BeginSweep(long now)
    {
        _started = now;
        _announced = Volatile.Read(ref _newsSince);
        Interlocked.Exchange(ref _hasNews, 0);
    }

    private ReadOnlySpan<Client> NextClients()
    {
        var next = Clients[_swept..];
        next = next[..Math.Min(next.Length, Stretch)];
        _swept += next.Length;
        return next;
    }

    private void EndSweep(long now, LaneMeter meter)
    {
        meter.RecordSweep(_announced, _started, now);
        _swept = 0;
    }

    private void Move(int from, int to)
    {
        (_seats[to], _clients[to]) = (_seats[from], _clients[from]);
        _seats[to].Place = to;
    }
}

/// <summary>A client's place in an audience.</summary>
internal sealed class Seat(TopicSubscribers audience)
{
    /// <summary>The audience.</summary>
    public TopicSubscribers TopicSubscribers => audience;

    /// <summary>Where in the audience it is.</summary>
    public int Place { get; set; }
}
