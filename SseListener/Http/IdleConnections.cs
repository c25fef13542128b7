using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace SseListener.Http;

/// <summary>
/// Cuts connections that stay without a request. HttpListener stops its own clock at the first byte and takes a header line of
/// any length: one byte would hold a connection for ever, and an endless line fill the memory, or even the stack, because
/// HttpListener handles reads that complete at once by recursion (measured: 256 MB in 4 s, and the process is gone).
/// </summary>
internal sealed class IdleConnections(int port, TimeSpan limit)
{
    private const long InUse = long.MaxValue;

    // An endless header line fills the heap. While that does not grow, nobody needs to be asked how much he has sent.
    private const long HeapGrowth = 32 * 1024 * 1024;

    // Looking at a socket costs about 10 us: at most a twentieth of one processor.
    private const int PauseFactor = 20;

    // More than the kernel's buffers hold of a request that has simply not been read yet.
    private const long Endless = 16 * 1024 * 1024;

    // struct tcp_info of linux/tcp.h, tcpi_bytes_received.
    private const int TcpLevel = 6;
    private const int TcpInfo = 11;
    private const int BytesReceivedAt = 128;

    private readonly ConcurrentDictionary<Connection, long> _lastUse = new();
    private readonly Dictionary<Connection, (long LastUse, long Bytes)> _received = [];
    private long _heap;
    private long _nextLook;

    /// <summary>A request has come in on a connection.</summary>
    public void Begin(Connection connection) => _lastUse[connection] = InUse;

    /// <summary>The request has been answered.</summary>
    public void End(Connection connection) => _lastUse[connection] = Environment.TickCount64;

    /// <summary>Cuts who has been idle for longer than the limit.</summary>
    /// <param name="readEstablished">Reads which connections are established now.</param>
    /// <returns>How many were cut.</returns>
    public int CutExpired(Func<HashSet<Connection>> readEstablished)
    {
        // Before the table is read: a connection that is newer than the table is not in it, and not gone either.
        var known = _lastUse.Where(entry => entry.Value != InUse).ToArray();
        var established = readEstablished();
        foreach (var entry in known.Where(entry => !established.Contains(entry.Key)))
        {
            _lastUse.TryRemove(entry);
            _received.Remove(entry.Key);
        }

        var now = Environment.TickCount64;
        var expired = established
            .Where(connection => _lastUse.GetOrAdd(connection, now) is var used and not InUse && now - used > limit.TotalMilliseconds)
            .ToHashSet();
        return expired.Count > 0 ? Cut((connection, _) => expired.Contains(connection)) : 0;
    }

    /// <summary>Cuts who goes on and on sending what is no request. Cheap while the heap does not grow.</summary>
    /// <returns>How many were cut.</returns>
    public int CutEndless()
    {
        var heap = GC.GetTotalMemory(forceFullCollection: false);
        if (heap <= _heap + HeapGrowth)
        {
            _heap = Math.Min(_heap, heap);
            return 0;
        }

        var started = Stopwatch.GetTimestamp();
        if (started < _nextLook)
        {
            return 0;
        }

        _heap = heap;
        var cut = Cut(SendsEndlessly);
        var ended = Stopwatch.GetTimestamp();
        _nextLook = ended + ((ended - started) * PauseFactor);
        return cut;
    }

    /// <summary>Cuts everyone who has no request under way.</summary>
    /// <returns>How many were cut.</returns>
    public int CutAll() => Cut((connection, _) => _lastUse.GetValueOrDefault(connection) != InUse);

    private int Cut(Func<Connection, Socket, bool> isDue)
    {
        var cut = 0;
        Descriptors.VisitSockets(socket =>
        {
            if (socket.LocalEndPoint is IPEndPoint local && local.Port == port && socket.RemoteEndPoint is IPEndPoint remote && isDue(new(local, remote), socket))
            {
                // HttpListener's pending read ends with the shutdown, and it closes the socket itself; with a reset, since nobody
                // who goes on sending is to keep a closed connection in the kernel.
                socket.LingerState = new LingerOption(enable: true, seconds: 0);
                socket.Shutdown(SocketShutdown.Both);
                cut++;
            }
        });
        return cut;
    }

    private bool SendsEndlessly(Connection connection, Socket socket)
    {
        // Who has never been in use has sent nothing that was a request; of others, what counts is what came since.
        var isNew = !_lastUse.TryGetValue(connection, out var lastUse);
        Span<byte> info = stackalloc byte[256];
        if (lastUse == InUse || socket.GetRawSocketOption(TcpLevel, TcpInfo, info) < BytesReceivedAt + sizeof(long))
        {
            _received.Remove(connection);
            return false;
        }

        var bytes = BitConverter.ToInt64(info[BytesReceivedAt..]);
        var isSame = _received.TryGetValue(connection, out var before) && before.LastUse == lastUse;
        var start = isSame ? before.Bytes : isNew ? 0 : bytes;
        _received[connection] = (lastUse, start);
        return bytes - start > Endless;
    }
}
