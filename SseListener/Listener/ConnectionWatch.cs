using System.Diagnostics;
using System.Net.NetworkInformation;
using SseListener.Log;

namespace SseListener.Listener;

/// <summary>
/// One thread that looks after connections without a stream: ten times a second at what would keep newcomers out or fill the memory,
/// and as often as it can afford at who is idle.
/// </summary>
internal sealed class ConnectionWatch : IDisposable
{
    private static readonly TimeSpan _lookEvery = TimeSpan.FromMilliseconds(100);

    // At most a hundredth of one processor: one reading of all connections costs 8 to 9 us for each. With a factor of 300, 3,000 clients
    // made an idle connection stay 5 s too long.
    private static readonly TimeSpan _shortestPause = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan _longestPause = TimeSpan.FromSeconds(5);
    private const int PauseFactor = 100;

    // A queue of those to be cut is worked off at this pace, and for so long at a time.
    private static readonly TimeSpan _shortWait = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan _longestWork = TimeSpan.FromMilliseconds(500);
    private const int MostTriesInVain = 4;

    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly Listening _listening;
    private readonly IdleConnections _idle;
    private readonly LogWriter _log;
    private readonly OpenConnections _connections;
    private readonly PoolProbe _pool = new();
    private readonly WatchThread _thread;
    private TimeSpan _nextReading;
    private long _requestsBefore;
    private bool _wasWaiting;
    private bool _hasFailed;

    /// <summary>Starts watching; from now on the readings of <paramref name="connections"/> are its thread's.</summary>
    public ConnectionWatch(OpenConnections connections, Listening listening, IdleConnections idle, LogWriter log)
    {
        _connections = connections;
        _listening = listening;
        _idle = idle;
        _log = log;
        _thread = new WatchThread("connection watch", _lookEvery, Look, log);
    }

    /// <inheritdoc/>
    public void Dispose() => _thread.Dispose();

    private TimeSpan Look(CancellationToken end)
    {
        FreeAccepting(end);
        _listening.TakeWaiting();
        if (_pool.IsStuck())
        {
            Report(_idle.CutAll(), "the thread pool is stuck");
        }

        CutEndless(end);
        if (_clock.Elapsed >= _nextReading)
        {
            Read(end);
        }

        return _lookEvery;
    }

    // HttpListener accepts the next connection only when it is done with the first bytes of this one, and it may not be done for
    // as long as somebody likes (IdleConnections.CutRefused): one such request kept everybody else out for good (measured).
    private void FreeAccepting(CancellationToken end)
    {
        var requests = _idle.Requests;
        var isStuck = requests == _requestsBefore && _wasWaiting;
        _requestsBefore = requests;
        _wasWaiting = _listening.Waiting() > 0;
        if (isStuck && _wasWaiting)
        {
            CutRefused(end);
        }
    }

    // One after another, as HttpListener comes to them.
    private void CutRefused(CancellationToken end)
    {
        var (all, until) = (0, _clock.Elapsed + _longestWork);
        while (_clock.Elapsed < until && _idle.CutRefused() is ( > 0, var cut) && !end.WaitHandle.WaitOne(_shortWait))
        {
            all += cut;
        }

        Report(all, "refused, and still sending");
    }

    // HttpListener reads such a one without ever letting go of the thread, so the next one comes up only when this one is cut. With a
    // look every 100 ms a hundred of them kept everybody else waiting for 15 s.
    private void CutEndless(CancellationToken end)
    {
        var (all, inVain, until) = (_idle.CutEndless(), 0, _clock.Elapsed + _longestWork);
        while (all > 0 && inVain < MostTriesInVain && _clock.Elapsed < until && !end.WaitHandle.WaitOne(_shortWait))
        {
            var cut = _idle.CutEndless(isKnown: true);
            all += cut;
            inVain = cut > 0 ? 0 : inVain + 1;
        }

        Report(all, "sent a header without end");
    }

    private void Report(int cut, string why)
    {
        if (cut > 0)
        {
            _log.Often(LogLevel.Info, "cut connections", $"cut {cut} connections: {why}");
        }
    }

    private void Read(CancellationToken end)
    {
        var started = _clock.Elapsed;
        try
        {
            Report(_idle.CutExpired(_connections.ReadEstablished), "no request for longer than the idle timeout");
            _hasFailed = false;
            if (_idle.HasStrangers)
            {
                CutRefused(end);
            }
        }
        catch (Exception e) when (e is NetworkInformationException or NotSupportedException or IOException or UnauthorizedAccessException or FormatException or OverflowException)
        {
            if (!_hasFailed)
            {
                _log.Warning($"the table of connections cannot be read, so idle ones stay open: {e.Message}");
            }

            _hasFailed = true;
        }

        // While somebody has asked for nothing yet, or waits to be accepted, as often as may be.
        var longest = _idle.HasStrangers || _wasWaiting ? _shortestPause : _longestPause;
        _nextReading = _clock.Elapsed + TimeSpan.FromTicks(Math.Clamp((_clock.Elapsed - started).Ticks * PauseFactor, _shortestPause.Ticks, longest.Ticks));
    }
}
