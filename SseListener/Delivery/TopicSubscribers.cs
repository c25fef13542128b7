using System.Runtime.InteropServices;
using SseListener.Events;

namespace SseListener.Delivery;

/// <summary>The clients of a lane that listen to one topic. For the lane's thread, except <see cref="TryRequestSweep"/>.</summary>
internal sealed class TopicSubscribers(Topic topic)
{
    // Clients that are served between two readings of the clock.
    private const int ClockInterval = 64;

    // 5 ms: then the lane's other topics get their turn.
    private static readonly long _longestStretch = Stopwatch.Frequency / 200;

    // A millisecond. Events that come during a shorter sweep are no burst.
    private static readonly long _longSweep = Stopwatch.Frequency / 1000;
    private static readonly long _longestPause = 10 * _longSweep;

    private readonly List<Client> _clients = [];
    private readonly Dictionary<Client, int> _indexes = [];
    private int _isSweepDue;
    private long _dueSince;
    private long _pauseEnds;

    // The sweep under way: when it began, since when it was due, and how many clients it has served.
    private long _sweepBegan;
    private long _sweepDueSince;
    private int _served;

    /// <summary>Whether the next sweep is to wait: events come faster than they are swept, and a later one sends more at once.</summary>
    public bool IsPausing => Stopwatch.GetTimestamp() < _pauseEnds;
    public Topic Topic => topic;

    /// <summary>Bounds the joins and leaves that the clients are told.</summary>
    public RateLimit PresenceLimit { get; } = new(Presence.MostOfChannel);
    public ReadOnlySpan<Client> Clients => CollectionsMarshal.AsSpan(_clients);

    /// <summary>Marks that a sweep is due because of an append; false when one already is. Any thread may call it.</summary>
    public bool TryRequestSweep()
    {
        if (Interlocked.Exchange(ref _isSweepDue, 1) == 1)
            return false;

        Volatile.Write(ref _dueSince, Stopwatch.GetTimestamp());
        return true;
    }

    /// <summary>Serves the clients one after another, for 5 ms at most; false when some are left for the next call.</summary>
    public bool Sweep(Action<Client> giveTurn, LaneMeter meter)
    {
        var began = Stopwatch.GetTimestamp();
        if (_served == 0)
        {
            (_sweepBegan, _sweepDueSince) = (began, Volatile.Read(ref _dueSince));

            // From here on an append makes another sweep due, since some clients may have been served before it.
            Interlocked.Exchange(ref _isSweepDue, 0);
        }

        while (_served < _clients.Count)
        {
            giveTurn(_clients[_served++]);
            if (_served % ClockInterval == 0 && Stopwatch.GetTimestamp() - began > _longestStretch)
                return false;
        }

        var ended = Stopwatch.GetTimestamp();
        meter.RecordSweep(_sweepDueSince, _sweepBegan, ended);
        _served = 0;
        var took = ended - _sweepBegan;
        _pauseEnds = took > _longSweep && Volatile.Read(ref _isSweepDue) == 1 ? ended + Math.Min(3 * took, _longestPause) : 0;
        return true;
    }

    public void Add(Client client)
    {
        _indexes.Add(client, _clients.Count);
        _clients.Add(client);
    }

    /// <summary>Removes a client; the last one takes its index.</summary>
    public void Remove(Client client)
    {
        _indexes.Remove(client, out var index);
        if (index < _served)
        {
            // The last client may not have been served, so it takes the index of the last that was.
            Move(--_served, index);
            index = _served;
        }

        Move(_clients.Count - 1, index);
        _clients.RemoveAt(_clients.Count - 1);
    }

    private void Move(int from, int to)
    {
        if (from != to)
        {
            _clients[to] = _clients[from];
            _indexes[_clients[to]] = to;
        }
    }
}
