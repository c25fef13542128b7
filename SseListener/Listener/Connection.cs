namespace SseListener.Listener;

/// <summary>
/// An accepted connection, and the stream through which HttpListener reads its requests and writes answers. HttpListener by itself reads a
/// header without end, waits for the rest of one for ever, and calls itself for each read that yields nothing: here reads are bounded.
/// HttpListener uses only what is overridden.
/// </summary>
/// <param name="socket">Its socket. When the connection has ended already, a <see cref="SocketException"/> says so.</param>
internal sealed class Connection(Socket socket) : NetworkStream(socket, ownsSocket: false)
{
    // The value of _idleSince while a request is under way.
    private const long UnderWay = -1;

    // HttpListener calls itself for each piece of a header or a chunked body that yields nothing, as deep as there are reads in a row that
    // complete at once. Behind the third one others get their turn on the thread, too.
    private const int ReadsOfTurn = 4;

    // Bytes that are read of a header: twice as many as may be, so that one that is a little too large is answered.
    private const long LongestHeader = 64 * 1024;

    private long _limit = LongestHeader;
    private long _idleSince = Environment.TickCount64;

    // HttpListener has answered the request by itself, and waits for the rest of its body.
    private bool _isRefused;
    private bool _isHttp10;
    private long _bytesRead;
    private int _readCalls;
    private volatile bool _isCut;

    public IPEndPoint Remote { get; } = (IPEndPoint)socket.RemoteEndPoint!;
    public bool IsClosed => Socket.SafeHandle.IsClosed;
    public bool IsIdle => Volatile.Read(ref _idleSince) >= 0;

    /// <summary>Whether it has brought no request yet.</summary>
    public bool IsStranger { get; private set; } = true;

    /// <summary>Whether more was sent than is read of a header, or of a chunked body. Nothing more is read then.</summary>
    public bool IsTooLong { get; private set; }

    /// <summary>Whether the connection ended before its chunked body, which HttpListener takes for the end of the body.</summary>
    public bool IsCutOff { get; private set; }

    /// <summary>The IPv6 address in the field <c>Host</c> of the latest request, in brackets; null for a name.</summary>
    public string? HostAddress { get; private set; }

    /// <summary>Notes that a request has come in. False when the connection has been ended meanwhile.</summary>
    /// <param name="mostChunked">Bytes that are read of its body if it is chunked, framing included; null when it is not.</param>
    public bool TryBegin(long? mostChunked)
    {
        Volatile.Write(ref _idleSince, UnderWay);
        IsStranger = false;
        (_bytesRead, _limit) = (0, mostChunked ?? long.MaxValue);
        return !_isCut;
    }

    /// <summary>Notes that a request has been answered, before the next one is read.</summary>
    public void End()
    {
        (_bytesRead, _readCalls, _limit, IsTooLong) = (0, 0, LongestHeader, false);
        Interlocked.CompareExchange(ref _idleSince, Environment.TickCount64, UnderWay);
    }

    /// <summary>Whether it has been without a request for longer than that.</summary>
    public bool IsIdleFor(double milliseconds) =>
        Volatile.Read(ref _idleSince) is >= 0 and var since && Environment.TickCount64 - since > milliseconds;

    /// <summary>Ends the connection at once: without an answer, or in the middle of one.</summary>
    /// <param name="resets">Whether what has been sent and not received yet is given up too.</param>
    public void Cut(bool resets)
    {
        _isCut = true;
        Socket.Close(resets ? 0 : -1);
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        // End has reset the count: the first read belongs to the next request, which has not been refused.
        _isRefused &= _readCalls > 0;
        if (++_readCalls % ReadsOfTurn == 0)
            await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);

        IsTooLong = _bytesRead >= _limit;
        var isRefused = _isRefused && IsIdle;
        if (isRefused)
            DiscardAvailable();

        var count = IsTooLong || isRefused ? 0 : await base.ReadAsync(buffer, cancellationToken);
        _bytesRead += count;
        IsCutOff = count == 0;
        if (_readCalls == 1)
        {
            var read = buffer.Span[..count];
            HostAddress = IPv6Host.Hide(read);
            _isHttp10 = read[..Math.Max(0, read.IndexOf((byte)'\n'))].TrimEnd((byte)'\r').EndsWith(" HTTP/1.0"u8);
        }

        return count;
    }

    public override IAsyncResult BeginRead(byte[] buffer, int offset, int count, AsyncCallback? callback, object? state) =>
        TaskToAsyncResult.Begin(ReadAsync(buffer.AsMemory(offset, count)).AsTask(), callback, state);

    public override int EndRead(IAsyncResult asyncResult) => TaskToAsyncResult.End<int>(asyncResult);

    public override int Read(byte[] buffer, int offset, int count) =>
        ReadAsync(buffer.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();

    public override void Write(byte[] buffer, int offset, int count)
    {
        // HttpListener says 100 Continue to HTTP/1.0, too, which knows no such answer (RFC 9110, section 15.2).
        if (!BeginWriting() || (_isHttp10 && IsIdle && buffer.AsSpan(offset, count).StartsWith("HTTP/1.1 100 "u8)))
            return;

        // HttpListener's own answers and its 100 Continue would hold a thread of the pool for a client that reads nothing.
        if (IsIdle && !Socket.Poll(0, SelectMode.SelectWrite))
        {
            Cut(resets: true);
            return;
        }

        base.Write(buffer, offset, count);
    }

    public override IAsyncResult BeginWrite(byte[] buffer, int offset, int count, AsyncCallback? callback, object? state) =>
        TaskToAsyncResult.Begin(BeginWriting() ? WriteAsync(buffer, offset, count) : Task.CompletedTask, callback, state);

    public override void EndWrite(IAsyncResult asyncResult) => TaskToAsyncResult.End(asyncResult);

    // Where no request is under way HttpListener answers by itself: it refuses what it cannot read, and when it is closed it answers 200,
    // after which an EventSource never comes back. So a connection that has been cut writes nothing.
    private bool BeginWriting()
    {
        _isRefused |= IsIdle;
        return !_isCut;
    }

    // HttpListener waits on a thread of the pool for the rest of what it has refused, so it is given none. But a connection that is closed
    // with bytes unread is reset, and its client loses the answer.
    private void DiscardAvailable()
    {
        Span<byte> nowhere = stackalloc byte[4096];
        for (var parts = 0; parts < 64 && Socket.Available > 0; parts++)
            Socket.Receive(nowhere);
    }
}
