using System.Diagnostics;
using System.Net.NetworkInformation;

namespace SseListener.Http;

/// <summary>
/// One thread that looks after connections: ten times a second or more at what would bring the process down, and about once a second,
/// in the operating system's table of TCP connections, at who has left and who is idle. One reading serves all clients.
/// </summary>
internal sealed class ConnectionWatch : IDisposable
{
    // Who leaves is to be found within 2 s, so the pause is short whatever a reading costs: about 3.3 us a row, connections that
    // have just been closed included, which makes 66 ms for 20,000. It is longer by half where that is more than a little.
    private static readonly TimeSpan _shortestPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan _longestPause = TimeSpan.FromSeconds(1.5);
    private const int PauseFactor = 15;

    // A queue of refused requests is worked off at this pace, for half a second at a time.
    private static readonly TimeSpan _shortWait = TimeSpan.FromMilliseconds(5);
    private const int MostTries = 100;

    private readonly ManualResetEventSlim _stopping = new();
    private readonly Listening _listening;
    private readonly DepartureWatch _departures;
    private readonly IdleConnections _idle;
    private readonly Log _log;
    private readonly int _port;
    private readonly PoolProbe _pool = new();
    private readonly Thread _thread;
    private readonly ListeningSocket _listeningSocket;
    private long _requestsBefore;
    private bool _wasWaiting;
    private bool _hasFailed;

    /// <summary>Starts watching the connections to <paramref name="port"/>.</summary>
    public ConnectionWatch(int port, Listening listening, DepartureWatch departures, IdleConnections idle, Log log)
    {
        _port = port;
        _listeningSocket = new ListeningSocket(port);
        _listening = listening;
        _departures = departures;
        _idle = idle;
        _log = log;
        _thread = new Thread(Run) { Name = "connection watch", IsBackground = true };
        _thread.Start();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _stopping.Set();
        _thread.Join();
        _stopping.Dispose();
    }

    private void Run()
    {
        var nextPoll = Stopwatch.GetTimestamp();
        while (!_stopping.Wait(Descriptors.LookEvery))
        {
            if (!_listening.CheckDescriptors())
            {
                Report(_idle.CutAll(), "there are no file descriptors left");
            }

            FreeAccepting();
            if (_pool.IsStuck())
            {
                Report(_idle.CutAll(), "the thread pool is stuck");
            }

            Report(_idle.CutEndless(), "sent a header without end");
            var now = Stopwatch.GetTimestamp();
            if (now >= nextPoll)
            {
                Poll();
                var pause = Math.Clamp(Stopwatch.GetElapsedTime(now).Ticks * PauseFactor, _shortestPause.Ticks, _longestPause.Ticks);
                nextPoll = now + (pause * Stopwatch.Frequency / TimeSpan.TicksPerSecond);
            }
        }
    }

    // HttpListener accepts the next connection only when it is done with the first bytes of this one, and it may not be done for
    // as long as somebody likes (IdleConnections.CutRefused): one such request kept everybody else out for good (measured).
    private void FreeAccepting()
    {
        var requests = _idle.Requests;
        var isStuck = requests == _requestsBefore && _wasWaiting;
        _requestsBefore = requests;
        _wasWaiting = _listeningSocket.Waiting() > 0;
        if (isStuck && _wasWaiting)
        {
            CutRefused();
        }
    }

    // One after another, as HttpListener comes to them.
    private void CutRefused()
    {
        var cut = 0;
        for (var tries = 0; tries < MostTries && _idle.CutRefused() is > 0 and var more && !_stopping.Wait(_shortWait); tries++)
        {
            cut += more;
        }

        Report(cut, "refused, and still sending");
    }

    private void Report(int cut, string why)
    {
        if (cut > 0)
        {
            _log.Info($"cut {cut} connections: {why}");
        }
    }

    private void Poll()
    {
        try
        {
            Report(_idle.CutExpired(() => _departures.Check(ReadEstablished)), "no request for longer than the idle timeout");
            _hasFailed = false;
            if (_idle.HasStrangers)
            {
                CutRefused();
            }
        }
        catch (Exception e) when (e is NetworkInformationException or NotSupportedException or IOException or UnauthorizedAccessException or FormatException or OverflowException)
        {
            if (!_hasFailed)
            {
                _log.Warning($"the table of connections cannot be read, so clients that leave are found by their next write only: {e.Message}");
            }

            _hasFailed = true;
        }
    }

    private HashSet<Connection> ReadEstablished() =>
        [.. IPGlobalProperties.GetIPGlobalProperties().GetActiveTcpConnections()
            .Where(row => row.State == TcpState.Established && row.LocalEndPoint.Port == _port)
            .Select(row => new Connection(row.LocalEndPoint, row.RemoteEndPoint))];
}
