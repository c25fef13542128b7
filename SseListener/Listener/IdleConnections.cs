using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Sockets;

namespace SseListener.Listener;

/// <summary>
/// Cuts connections that stay without a request. HttpListener stops its own clock at the first byte and takes a header line of
/// any length: one byte would hold a connection for ever, and an endless line fill the memory, or even the stack, because
/// HttpListener handles reads that complete at once by recursion (measured: 256 MB in 4 s, and the process is gone).
/// </summary>
/// <param name="connections">The connections there are.</param>
/// <param name="limit">How long one may be without a request.</param>
/// <param name="maxHeader">Bytes of the largest header that may be a request.</param>
/// <param name="heapSize">How many bytes the heap has now, garbage included.</param>
internal sealed class IdleConnections(OpenConnections connections, TimeSpan limit, int maxHeader, Func<long>? heapSize = null)
{
    // An endless header line fills the heap. While that does not grow, nobody needs to be asked how much he has sent.
    private const long HeapGrowth = 32 * 1024 * 1024;

    // About what a request leaves behind, and is garbage: without this allowance a burst of publishes to 1,000 clients made the program
    // look for 5 ms of its 200. It has a limit, for a request may leave less, and who sends without end would hide behind many.
    private const long Garbage = 12 * 1024;
    private const long MostGarbage = 2 * HeapGrowth;

    // Looking at a socket costs about 10 us: at most a twentieth of one processor.
    private const int PauseFactor = 20;

    // HttpListener takes 32 KiB of header fields, and a request line of any length. On a hundred connections at once each had 16 MB
    // before it was cut, when that was the limit, and the process 2.7 GB.
    private readonly long _endless = 8 * Math.Max(32 * 1024, maxHeader);

    // Some kernels count these two as bytes.
    private const long SynAndFin = 2;

    private readonly Func<long> _heapSize = heapSize ?? (() => GC.GetTotalMemory(forceFullCollection: false));

    // Since when a connection is idle; while a request is under way, the request's number, negative.
    private readonly ConcurrentDictionary<Connection, long> _lastUse = new();

    // Since when there is a connection that has brought no request yet.
    private readonly Dictionary<Connection, long> _strangers = [];
    private readonly Dictionary<Connection, (long LastUse, long Bytes)> _received = [];
    private long _requests;
    private long _heap;
    private long _requestsAtHeap;
    private long _nextLook;

    /// <summary>Requests so far.</summary>
    public long Requests => Interlocked.Read(ref _requests);

    /// <summary>Of how many connections something is remembered, those without a request and those with one counted apart.</summary>
    public int Remembered => _lastUse.Count + _strangers.Count + _received.Count;

    /// <summary>A request has come in on a connection.</summary>
    /// <returns>The request's number.</returns>
    public long Begin(Connection connection)
    {
        var request = Interlocked.Increment(ref _requests);
        _lastUse[connection] = -request;
        return request;
    }

    /// <summary>A request has been answered. Nothing happens when the connection has the next one already.</summary>
    public void End(Connection connection, long request) => _lastUse.TryUpdate(connection, Environment.TickCount64, -request);

    /// <summary>Cuts who has been idle for longer than the limit.</summary>
    /// <param name="readEstablished">Reads which connections are established now.</param>
    /// <returns>How many were cut.</returns>
    public int CutExpired(Func<IReadOnlyDictionary<Connection, OpenSocket?>> readEstablished)
    {
        // What has been idle since before the table was read, and is not in it, is gone; what came later may be newer than the table.
        var started = Environment.TickCount64;
        var established = readEstablished();
        foreach (var entry in _lastUse.Where(entry => entry.Value >= 0 && entry.Value < started && !established.ContainsKey(entry.Key)))
        {
            _lastUse.TryRemove(entry);
        }

        var now = Environment.TickCount64;
        foreach (var stranger in _strangers.Keys.Where(stranger => _lastUse.ContainsKey(stranger) || !established.ContainsKey(stranger)))
        {
            _strangers.Remove(stranger);
        }

        foreach (var gone in _received.Keys.Where(connection => !established.ContainsKey(connection)))
        {
            _received.Remove(gone);
        }

        foreach (var connection in established.Keys.Where(connection => !_lastUse.ContainsKey(connection)))
        {
            _strangers.TryAdd(connection, now);
        }

        // Asked again when it comes to that: a request may have come meanwhile.
        return established.Keys.Any(HasExpired) ? connections.Cut((connection, _) => HasExpired(connection)).Cut : 0;
    }

    /// <summary>Whether there were connections without a request when the table was read.</summary>
    public bool HasStrangers => _strangers.Count > 0;

    /// <summary>Cuts who goes on and on sending what is no request. Cheap while the heap does not grow.</summary>
    /// <param name="isKnown">Looks whether the heap has grown or not: it is known that there are such.</param>
    /// <returns>How many were cut.</returns>
    public int CutEndless(bool isKnown = false)
    {
        var (heap, requests) = (_heapSize(), Requests);
        var started = Stopwatch.GetTimestamp();
        var hasGrown = heap > _heap + HeapGrowth + Math.Min((requests - _requestsAtHeap) * Garbage, MostGarbage);
        var isDue = isKnown || (hasGrown && started >= _nextLook);
        if (isDue || heap <= _heap)
        {
            (_heap, _requestsAtHeap) = (heap, requests);
        }

        if (!isDue)
        {
            return 0;
        }

        var (_, cut) = connections.Cut(SendsEndlessly);
        var ended = Stopwatch.GetTimestamp();
        _nextLook = ended + ((ended - started) * PauseFactor);
        return cut;
    }

    /// <summary>Cuts everyone who has brought no request yet.</summary>
    /// <returns>How many there were, and how many of them were cut; the others are closing already.</returns>
    public (int Due, int Cut) CutStrangers() => connections.Cut((connection, _) => !_lastUse.ContainsKey(connection));

    /// <summary>Cuts everyone who has no request under way.</summary>
    /// <returns>How many were cut.</returns>
    public int CutAll() => connections.Cut((connection, _) => _lastUse.GetValueOrDefault(connection) >= 0).Cut;

    /// <summary>
    /// Cuts who has had an answer without a request of his having come this far: HttpListener has refused it by itself, and may
    /// be waiting for the rest of its body, a second for each piece, on the thread that accepts.
    /// </summary>
    /// <returns>How many there were, and how many of them were cut; the others are closing already.</returns>
    public (int Due, int Cut) CutRefused() => connections.Cut(IsRefused);

    // Asked again at last: a request may have come, and been answered, in between.
    private bool IsRefused(Connection connection, Socket socket) =>
        !_lastUse.ContainsKey(connection) && new TcpInfo(socket).BytesAcked > SynAndFin && !_lastUse.ContainsKey(connection);

    private bool SendsEndlessly(Connection connection, Socket socket)
    {
        // Who has never been in use has sent nothing that was a request; of others, what counts is what came since.
        var isNew = !_lastUse.TryGetValue(connection, out var lastUse);
        if (lastUse < 0)
        {
            _received.Remove(connection);
            return false;
        }

        // In this order, so that what arrives in between is not taken for read: what the kernel still holds may be a request.
        var bytes = new TcpInfo(socket).BytesReceived - socket.Available;
        var isSame = _received.TryGetValue(connection, out var before) && before.LastUse == lastUse;
        var start = isSame ? before.Bytes : isNew ? 0 : bytes;
        _received[connection] = (lastUse, start);
        return bytes - start > _endless;
    }

    private bool HasExpired(Connection connection) =>
        (_lastUse.TryGetValue(connection, out var since) || _strangers.TryGetValue(connection, out since))
        && since >= 0
        && Environment.TickCount64 - since > limit.TotalMilliseconds;
}
