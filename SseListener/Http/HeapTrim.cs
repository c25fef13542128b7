namespace SseListener.Http;

/// <summary>
/// Closes the gaps in the heap after many have come or gone, before the runtime has to, which may be in the middle of a burst: nothing
/// else happens meanwhile, about 17 us for each client. At best that is while nobody waits: 8,000 clients take 18 to 27 KB each
/// before it, and 14.5 KB after. Where events never cease it is when nobody has come or gone for a while: what a delivery
/// goes through lies together again, and 40,000 deliveries a second to 8,000 clients took 10.2 us of CPU each, not 11.4.
/// </summary>
internal sealed class HeapTrim : IDisposable
{
    // 500 clients take 32 KB each without it, and 13 with it: 9.9 us of CPU a delivery, not 10.4.
    private const int FewClients = 200;

    // Of those there are, or were.
    private const double FewShare = 0.125;

    // One more look for each so many that are here: the more there are the longer it takes, and the longer it has to have been quiet. Of
    // thousands that come at once the last may wait a second for the kernel to take their SYN, and were left untrimmed when one look
    // was enough (8,000 took 16.9 KB each in place of 14.5).
    private const int ClientsPerLook = 2000;

    // The same where events go on, so that hardly ever somebody waits: as many come as go, but for a hundredth.
    private const int FewestCalmLooks = 4;
    private const int ClientsPerCalmLook = 1000;
    private const int CalmShare = 100;

    // However many come and go, at most a two-hundredth of the time.
    private const int PauseFactor = 200;

    // With looks a second apart, events that came a second after 1,000 clients found the heap as it was: 5.7 us of CPU a delivery, not 5.3.
    private static readonly TimeSpan _lookEvery = TimeSpan.FromMilliseconds(250);

    private readonly Func<int> _clients;
    private readonly Func<long> _activity;
    private readonly Action<Trim> _collect;
    private readonly TimeProvider _time;
    private readonly Timer _timer;
    private (int Clients, long Activity) _before;
    private int _quietLooks;
    private int _calmLooks;
    private int _clientsAtCalm;
    private int _clientsAtTrim;
    private bool _areFinalized;
    private long _next;

    /// <summary>Looks from <see cref="Start"/> on.</summary>
    /// <param name="clients">How many clients there are.</param>
    /// <param name="activity">A number that does not stay as it is while there is something to do.</param>
    /// <param name="collect">Collects garbage.</param>
    /// <param name="time">Tells how long that takes.</param>
    public HeapTrim(Func<int> clients, Func<long> activity, Action<Trim>? collect = null, TimeProvider? time = null)
    {
        _clients = clients;
        _activity = activity;
        _collect = collect ?? Collect;
        _time = time ?? TimeProvider.System;
        _timer = new Timer(_ => LookAgain());
    }

    /// <summary>Starts looking, four times a second.</summary>
    public void Start() => _timer.Change(_lookEvery, Timeout.InfiniteTimeSpan);

    /// <summary>Trims, if it has been quiet or calm for some looks, and many have come or gone since the last trim.</summary>
    public void Look()
    {
        var now = (Clients: _clients(), Activity: _activity());
        Count(now);
        if (Math.Abs(now.Clients - _clientsAtTrim) < Math.Max(FewClients, FewShare * Math.Max(now.Clients, _clientsAtTrim)))
        {
            _areFinalized = false;
            return;
        }

        var isQuiet = _quietLooks > now.Clients / ClientsPerLook;
        var isCalm = _calmLooks > FewestCalmLooks + (now.Clients / ClientsPerCalmLook);
        if ((!isQuiet && !isCalm) || _time.GetTimestamp() < _next)
        {
            return;
        }

        // HttpListener leaves the timers of closed connections to their finalizers, and those who wait for that keep all else of theirs.
        if (now.Clients < _clientsAtTrim && !_areFinalized)
        {
            _areFinalized = true;
            _collect(Trim.Beside);
            return;
        }

        _areFinalized = false;
        _clientsAtTrim = now.Clients;
        var started = _time.GetTimestamp();
        _collect(isQuiet ? Trim.Release : Trim.Compact);
        var ended = _time.GetTimestamp();
        _next = ended + ((ended - started) * PauseFactor);
    }

    /// <inheritdoc/>
    public void Dispose() => _timer.Dispose();

    private void Count((int Clients, long Activity) now)
    {
        _quietLooks = now == _before ? _quietLooks + 1 : 0;
        _before = now;
        if (Math.Abs(now.Clients - _clientsAtCalm) > now.Clients / CalmShare)
        {
            (_clientsAtCalm, _calmLooks) = (now.Clients, 0);
        }
        else
        {
            _calmLooks++;
        }
    }

    // The pause begins after this look, however long that took.
    private void LookAgain()
    {
        Look();
        try
        {
            Start();
        }
        catch (ObjectDisposedException)
        {
            // It is over.
        }
    }

    private static void Collect(Trim trim)
    {
        var mode = trim is Trim.Release ? GCCollectionMode.Aggressive : GCCollectionMode.Forced;
        var isBeside = trim is Trim.Beside;
        GC.Collect(GC.MaxGeneration, mode, blocking: !isBeside, compacting: !isBeside);
    }
}
