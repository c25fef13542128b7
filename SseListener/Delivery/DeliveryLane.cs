using SseListener.Events;

namespace SseListener.Delivery;

/// <summary>
/// One thread that writes to a share of the clients. Woken by an append, it sweeps the clients of that topic: each gets a turn. What is
/// appended meanwhile goes out in the next sweep as one slice, so batches grow as load does, and a lone event leaves at once.
/// </summary>
internal sealed class DeliveryLane : IDisposable
{
    private const int CatchUpTurns = 16; // Between two rounds of sweeps: however many clients replay, the others hardly wait.
    private readonly LaneSubscribers _subscribers;
    private readonly ConcurrentQueue<Client> _newcomers = new();
    private readonly ConcurrentQueue<TopicSubscribers> _toSweep = new();
    private readonly ConcurrentQueue<Client> _waiting = new();
    private readonly ManualResetEventSlim _signal = new(initialState: false, spinCount: 0);
    private readonly Thread _thread;
    private readonly Presence _presence;
    private readonly Roster _roster;
    private readonly Action<PresenceChange, IReadOnlyList<Topic>> _announce;
    private readonly Action<Client> _giveTurn; // Made once: a sweep allocates nothing.
    private readonly Slice _slice = new();
    private readonly Slice _comment = Slice.Of(SseFrame.Heartbeat);
    private readonly List<Client> _over = [];
    private readonly LaneOptions _options;
    private readonly long _tick;
    private volatile bool _isStopping;
    private bool _isPausing; // Whether all topics that wait to be swept are pausing.
    private volatile TaskCompletionSource? _drained;
    private long _now = Environment.TickCount64;
    private long _nextTick;

    /// <summary>Starts the thread; <paramref name="announce"/> tells all lanes that a client has joined or left.</summary>
    public DeliveryLane(
        string name, LaneOptions options, Roster roster, LaneMeter meter, Action<PresenceChange, IReadOnlyList<Topic>> announce)
    {
        Meter = meter;
        (_roster, _subscribers) = (roster, roster.AddLane());
        _presence = new Presence(_subscribers, options, roster);
        (_options, _announce) = (options, announce);

        // Often enough for a limit to be late by a quarter at most.
        _tick = (long)Math.Clamp(Math.Min(options.Heartbeat.TotalMilliseconds, options.WriteTimeout.TotalMilliseconds) / 4, 10, 1000);
        _nextTick = _now + _tick;
        _giveTurn = GiveTurn;
        _thread = new Thread(Run) { Name = name, IsBackground = true };
        _thread.Start();
    }

    public LaneMeter Meter { get; }

    /// <summary>Adds a client whose greeting has been sent; the lane removes it when its stream is over.</summary>
    public void Add(Client client)
    {
        _newcomers.Enqueue(client);
        _signal.Set();
    }

    public void Wake(Topic topic)
    {
        // Pairs with the barrier in AdmitNewcomers: a newcomer finds the append when it is first served, or is found here.
        Interlocked.MemoryBarrier();
        if (_subscribers.TryFind(topic, out var subscribers) && subscribers.TryRequestSweep())
        {
            _toSweep.Enqueue(subscribers);
            _signal.Set();
        }
    }

    /// <summary>Tells the lane's clients that a client of any lane has joined or left.</summary>
    public void Tell(PresenceChange change, IReadOnlyList<Topic> channels)
    {
        _presence.Enqueue(change, channels);
        _signal.Set();
    }

    /// <summary>Lets a client whose send or whose stream has ended wait for a turn.</summary>
    public void RequestTurn(Client client)
    {
        if (client.TryBeginWaiting())
            _waiting.Enqueue(client);

        _signal.Set();
    }

    /// <summary>Completes once every client was sent everything appended before the call, or its stream is ending.</summary>
    public Task DrainAsync()
    {
        var drained = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _drained = drained;
        _signal.Set();
        return drained.Task;
    }

    public void Dispose()
    {
        _isStopping = true;
        _signal.Set();
        _thread.Join();

        // Sends that end later still set it, which is allowed.
        _signal.Dispose();
    }

    private void Run()
    {
        while (!_isStopping)
        {
            if (_waiting.IsEmpty && (_toSweep.IsEmpty || _isPausing))
                _signal.Wait(_isPausing ? 1 : (int)Math.Max(0, _nextTick - Environment.TickCount64));

            // Before the queues are read: what comes after this signals again.
            _signal.Reset();
            _now = Environment.TickCount64;
            Sweep();
            CatchUp();

            // Behind the events, because clients that are behind are not told. Before the newcomers, who are told only of later changes:
            // who comes during this call waits for the next round.
            var newcomers = _newcomers.Count;
            _presence.TellClients(_now);
            AdmitNewcomers(newcomers);
            if (_now >= _nextTick)
                Tick();

            RemoveEnded();
            AnswerDrain();
            _slice.Clear();
        }

        EndAll();
    }

    private void Sweep()
    {
        _isPausing = !_toSweep.IsEmpty;

        // Only those that are queued now: newcomers and clients that catch up want their turn too.
        for (var count = _toSweep.Count; count > 0 && _toSweep.TryDequeue(out var subscribers); count--)
        {
            _slice.Renew();
            var isPausing = subscribers.IsPausing;
            _isPausing &= isPausing;
            if (isPausing || !subscribers.Sweep(_giveTurn, Meter))
                _toSweep.Enqueue(subscribers);
        }
    }

    private void CatchUp()
    {
        for (var turns = CatchUpTurns; turns > 0 && _waiting.TryDequeue(out var client); turns--)
        {
            client.EndWaiting();
            _slice.Renew();
            GiveTurn(client);
        }
    }

    private void AdmitNewcomers(int count)
    {
        for (; count > 0 && _newcomers.TryDequeue(out var client); count--)
        {
            var join = _roster.Join(client, _subscribers);
            client.Lane = this;

            // The first turn finds what was appended before this and whether the client has been ended. What comes later finds the client.
            Interlocked.MemoryBarrier();
            _presence.TellMissed(client, _now);
            Announce(client, join);
            GiveTurn(client);
        }
    }

    private void GiveTurn(Client client)
    {
        var turn = client.SendNext(_slice, _now);
        if (turn is Turn.Again)
            RequestTurn(client);
        else if (turn is Turn.Over)
            _over.Add(client);
    }

    private void Tick()
    {
        _nextTick = _now + _tick;
        _over.AddRange(_subscribers.All.Where(client => client.Tick(_comment, _now, _options) is Turn.Over));
    }

    // A client may be here more than once. None is removed earlier, in the middle of a loop over the clients.
    private void RemoveEnded()
    {
        foreach (var client in _over)
        {
            if (_roster.TryLeave(client, _subscribers, out var leave))
            {
                Announce(client, leave);
                client.Complete();
            }
        }

        _over.Clear();
    }

    private void Announce(Client client, PresenceChange? change)
    {
        if (change is not null)
            _announce(change, client.Subscription.Topics);
    }

    private void AnswerDrain()
    {
        if (_drained is { Task.IsCompleted: false } drained && _subscribers.All.All(client => client.IsIdle))
            drained.SetResult();
    }

    private void EndAll()
    {
        foreach (var client in _subscribers.All.Concat(_newcomers))
        {
            client.End(EndReason.ServerStop);
            client.Complete();
        }
    }
}
