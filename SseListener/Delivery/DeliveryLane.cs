using System.Collections.Concurrent;
using SseListener.Events;

namespace SseListener.Delivery;

/// <summary>
/// One thread that writes to a share of the clients. Woken by an append, it goes over the clients of that topic and gives a turn to
/// each whose cursor is behind. What is appended meanwhile goes out on the next sweep as one slice, so batching grows as load
/// does, and a lone event leaves at once.
/// </summary>
internal sealed class DeliveryLane : IDisposable
{
    // Between two looks at what has been appended, this many of the clients that catch up get a turn: however many replay,
    // those who are up to date hardly wait.
    private const int CatchUpTurns = 16;

    private readonly LaneSubscribers _clients;
    private readonly ConcurrentQueue<TopicSubscribers> _appended = new();
    private readonly ConcurrentQueue<Client> _behind = new();
    private readonly LaneSignal _signal = new();
    private readonly Thread _thread;
    private readonly Presence _presence;
    private readonly Action<Client> _welcome;
    private readonly Action<Client> _serve;
    private readonly Slice _slice = new();
    private readonly Slice _comment = Slice.Of(SseFrame.Heartbeat);
    private readonly List<Client> _over = [];
    private readonly long _heartbeat;
    private readonly long _writeTimeout;
    private readonly int _tick;
    private volatile bool _isStopping;
    private bool _hasUnfinished;
    private volatile TaskCompletionSource? _drained;
    private long _now = Environment.TickCount64;
    private long _nextTick;

    /// <summary>A lane without clients, whose thread is running.</summary>
    /// <param name="name">The thread's name.</param>
    /// <param name="options">What it keeps to.</param>
    /// <param name="meter">Told of what is delivered.</param>
    /// <param name="tellAll">Has all lanes told that a client has come (true) or gone.</param>
    public DeliveryLane(string name, LaneOptions options, LaneMeter meter, Action<Client, bool> tellAll)
    {
        Meter = meter;
        _clients = new LaneSubscribers(this);
        _presence = new Presence(_clients, options, tellAll);
        _heartbeat = (long)options.Heartbeat.TotalMilliseconds;
        _writeTimeout = (long)options.WriteTimeout.TotalMilliseconds;
        _tick = (int)Math.Clamp(Math.Min(_heartbeat, _writeTimeout) / 4, 10, 1000);
        _nextTick = _now + _tick;
        _welcome = Welcome;
        _serve = ServeNow;
        _thread = new Thread(Run) { Name = name, IsBackground = true };
        _thread.Start();
    }

    /// <summary>What the lane has delivered.</summary>
    public LaneMeter Meter { get; }

    /// <summary>Takes a client in, which has been greeted; it is let go of when its stream is over.</summary>
    public void Add(Client client)
    {
        _clients.Add(client);
        _signal.Set();
    }

    /// <summary>Tells the lane that a topic has something new.</summary>
    public void Wake(Topic topic)
    {
        // A client that arrives just now either finds the append when it is first served, or has its audience found here.
        Interlocked.MemoryBarrier();
        if (_clients.TryFind(topic, out var audience) && audience.TryAnnounce())
        {
            _appended.Enqueue(audience);
            _signal.Set();
        }
    }

    /// <summary>Has those of its clients told whom it concerns that one has come or gone, of whichever lane.</summary>
    public void Tell(Client client, bool hasJoined)
    {
        _presence.Add(client, hasJoined);
        _signal.Set();
    }

    /// <summary>Gives a client a turn: a send of its has ended, or its stream.</summary>
    public void Serve(Client client)
    {
        Queue(client);
        _signal.Set();
    }

    /// <summary>Completes once every client has been sent, or has been lost to, everything appended before the call.</summary>
    public Task DrainAsync()
    {
        var drained = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _drained = drained;
        _signal.Set();
        return drained.Task;
    }

    /// <summary>Ends the thread.</summary>
    public void Dispose()
    {
        _isStopping = true;
        _signal.Set();
        _thread.Join();
        _signal.Dispose();
    }

    private void Run()
    {
        while (!_isStopping)
        {
            if (_behind.IsEmpty && !_hasUnfinished)
            {
                var untilTick = Math.Max(0, _nextTick - Environment.TickCount64);
                _signal.Wait((int)untilTick);
            }

            // Before anything is looked at: what comes after this signals again.
            _signal.Reset();
            _now = Environment.TickCount64;
            var newcomers = _clients.Newcomers;
            Sweep();
            CatchUp();

            // Behind the events, because those who are behind are told nothing. Before the newcomers, who are told of later ones only.
            _presence.Tell(_now);
            _clients.AdmitNewcomers(newcomers, _welcome);
            if (_now >= _nextTick)
            {
                Tick();
            }

            ReleaseOver();
            AnswerDrain();
            _slice.Forget();
        }

        _clients.AdmitNewcomers(int.MaxValue, static _ => { });
        foreach (var client in _clients.All)
        {
            client.End(EndReason.ServerStop);
            client.Complete();
        }
    }

    private void Sweep()
    {
        _hasUnfinished = false;

        // Those that wait now, not those that come to wait meanwhile: newcomers and clients that catch up want their turn too.
        for (var waiting = _appended.Count; waiting > 0 && _appended.TryDequeue(out var audience); waiting--)
        {
            _slice.Renew();
            if (!audience.Sweep(_serve, Meter))
            {
                _hasUnfinished = true;
                _appended.Enqueue(audience);
            }
        }
    }

    private void CatchUp()
    {
        for (var turns = CatchUpTurns; turns > 0 && _behind.TryDequeue(out var client); turns--)
        {
            client.EndWaiting();
            _slice.Renew();
            ServeNow(client);
        }
    }

    private void Welcome(Client client)
    {
        _presence.Announce(client, hasJoined: true);
        ServeNow(client);
    }

    private void ServeNow(Client client)
    {
        switch (client.Advance(_slice, _now))
        {
            case Turn.Again:
                Queue(client);
                break;
            case Turn.Over:
                _over.Add(client);
                break;
        }
    }

    private void Queue(Client client)
    {
        if (client.TryBeginWaiting())
        {
            _behind.Enqueue(client);
        }
    }

    private void Tick()
    {
        _nextTick = _now + _tick;
        foreach (var client in _clients.All)
        {
            if (client.Tick(_comment, _now, _heartbeat, _writeTimeout) is Turn.Over)
            {
                _over.Add(client);
            }
        }
    }

    // Not at once, for somebody may be going over the lists.
    private void ReleaseOver()
    {
        foreach (var client in _over)
        {
            _clients.Release(client);
            _presence.Announce(client, hasJoined: false);
            client.Complete();
        }

        _over.Clear();
    }

    private void AnswerDrain()
    {
        if (_drained is { } drained && _clients.AreIdle)
        {
            _drained = null;
            drained.SetResult();
        }
    }
}
