using System.Diagnostics;
using System.Runtime.InteropServices;
using SseListener.Events;

namespace SseListener.Delivery;

/// <summary>A lane's clients that listen to a topic. For the lane's thread, but for <see cref="TryAnnounce"/>.</summary>
internal sealed class Audience(Topic topic)
{
    // Beside the seats, because a sweep goes over cold memory: an indirection less.
    private readonly List<Client> _clients = [];
    private readonly List<Seat> _seats = [];

    // What the topic had had when the last sweep ended.
    private long _frames = topic.Count;
    private long _bytes = topic.Length;
    private long _newsSince;
    private int _hasNews;
    private Rest _rest;

    /// <summary>The topic.</summary>
    public Topic Topic => topic;

    /// <summary>Whether the last sweep was one of a burst that goes on.</summary>
    private bool IsInBurst { get; set; }

    /// <summary>Whether it is not to be swept yet.</summary>
    public bool IsResting => IsInBurst && _rest.GoesOn(topic.Count, Stopwatch.GetTimestamp());

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

    /// <summary>Begins a sweep: what is new from here on is for the next one.</summary>
    /// <returns>When the first of what is to be swept was announced, as <see cref="Stopwatch.GetTimestamp"/> counts.</returns>
    public long BeginSweep()
    {
        var since = Volatile.Read(ref _newsSince);
        Interlocked.Exchange(ref _hasNews, 0);
        return since;
    }

    /// <summary>Ends a sweep: after one of a burst that goes on it rests.</summary>
    /// <param name="swept">How long it took.</param>
    public void EndSweep(TimeSpan swept)
    {
        var rest = Rest.After(swept, topic.Count - _frames, topic.Length - _bytes);
        (_frames, _bytes) = (topic.Count, topic.Length);
        IsInBurst = rest > TimeSpan.Zero && Volatile.Read(ref _hasNews) == 1;
        _rest = new Rest(rest, _frames, Stopwatch.GetTimestamp());
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
        var last = _seats[^1];
        _seats[seat.Place] = last;
        _clients[seat.Place] = _clients[last.Place];
        last.Place = seat.Place;
        _seats.RemoveAt(_seats.Count - 1);
        _clients.RemoveAt(_clients.Count - 1);
    }
}

/// <summary>A client's place in an audience.</summary>
internal sealed class Seat(Audience audience)
{
    /// <summary>The audience.</summary>
    public Audience Audience => audience;

    /// <summary>Where in the audience it is.</summary>
    public int Place { get; set; }
}
