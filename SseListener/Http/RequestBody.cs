using SseListener.Access;
using SseListener.Listener;

namespace SseListener.Http;

/// <summary>A request's body, read with a deadline, and a limit on what arrives, not on what Content-Length claims.</summary>
internal sealed class RequestBody(BodiesUnderWay bodies, ServerOptions options) : IDisposable
{
    // Most bytes of a read. Large arrays would be on the heap of large objects, which is collected rarely.
    private const int PartSize = 16 * 1024;
    private static readonly Refusal _broken = Refusal.Of(400, "The body ended early or was malformed.");

    // Ends the wait for bytes: when the deadline has passed, or when the body gives way. The read itself cannot be ended: it may still
    // write into its array, which therefore comes from no pool.
    private readonly CancellationTokenSource _end = new();
    private List<byte[]> _full = [];
    private byte[] _part = [];
    private int _inPart;
    private int _length;

    /// <summary>When the body began to arrive, as <see cref="Stopwatch"/> counts.</summary>
    public long Started { get; } = Stopwatch.GetTimestamp();

    /// <summary>How many bytes it may keep beside the first part: for <see cref="BodiesUnderWay"/>, under its lock.</summary>
    public int Room { get; set; }

    /// <summary>Whether it has had to make room for another, and counts no more.</summary>
    public bool HasGivenWay { get; private set; }

    /// <summary>The whole body, once <see cref="ReadAsync(Exchange)"/> has found nothing wrong.</summary>
    public ReadOnlyMemory<byte> Bytes => _part.AsMemory(0, _inPart);

    private Refusal GivenWay => Refusal.Later(503, "publish_limit", $"There is room for {options.MaxPublishes} publishes (--max-publishes) "
        + $"and {options.MaxPublishBytes} bytes of them (--max-publish-bytes) at a time, "
        + "and the body of this one had been arriving for longest. Nothing was published.");

    /// <summary>Reads the body of a request, and tells the exchange when it has been read to its end.</summary>
    public async Task<Refusal?> ReadAsync(Exchange exchange)
    {
        var (claimed, chunked) = (exchange.Request.ContentLength64, exchange.ChunkedSource);
        try
        {
            // One byte more than the limit shows that there are more.
            var most = options.MaxBody + 1;
            await ReadAsync(exchange.Request.InputStream, claimed < 0 ? most : (int)Math.Min(claimed, most));
        }
        catch (OperationCanceledException)
        {
            return HasGivenWay ? GivenWay
                : Refusal.Of(408, $"The body did not arrive within {options.BodyTimeout.TotalSeconds:0.###} s (--body-timeout).");
        }
        catch (Exception e) when (e is IOException or SocketException or HttpListenerException or ObjectDisposedException)
        {
            return _broken;
        }

        // Half a body is no event.
        return _length > options.MaxBody || chunked is { IsTooLong: true }
                ? Refusal.Of(413, $"The body may have at most {options.MaxBody} bytes (--max-body).")
            : _length < claimed || chunked is { IsCutOff: true } ? _broken
            : TryComplete(exchange) ? null
            : GivenWay;
    }

    /// <summary>Gives up the rest of the body. Any thread may call it.</summary>
    public void GiveWay()
    {
        HasGivenWay = true;

        // The memory is free at once, for the thread that reads may be late to end.
        _full = [];
        _ = _end.CancelAsync();
    }

    public void Dispose()
    {
        bodies.Remove(this);
        _end.Dispose();
    }

    private async Task ReadAsync(Stream input, int wanted)
    {
        for (var read = 1; _length < wanted && read > 0; _length += read)
        {
            if (_inPart == _part.Length)
                AddPart(Math.Min(PartSize, wanted - _length));

            read = await ReadPartAsync(input);
            _inPart += read;
        }
    }

    private void AddPart(int size)
    {
        if (_length > 0)
        {
            bodies.MakeRoom(this, size);
            _end.Token.ThrowIfCancellationRequested();
            _full.Add(_part);
        }

        (_part, _inPart) = (GC.AllocateUninitializedArray<byte>(size), 0);
    }

    // Without a callback: most bodies arrive together with their head, and then HttpListener has the bytes but would give them to a
    // callback on another thread. So only a body that has to be waited for changes threads.
    private async ValueTask<int> ReadPartAsync(Stream input)
    {
        var reading = input.BeginRead(_part, _inPart, _part.Length - _inPart, callback: null, state: null);
        if (reading.IsCompleted)
            return input.EndRead(reading);

        var remaining = options.BodyTimeout - Stopwatch.GetElapsedTime(Started);
        _end.CancelAfter(remaining > TimeSpan.Zero ? remaining : TimeSpan.Zero);
        return await Task.Factory.FromAsync(reading, input.EndRead).WaitAsync(_end.Token);
    }

    // False when the body has given way.
    private bool TryComplete(Exchange exchange)
    {
        exchange.BodyIsRead = true;
        if (!bodies.TryComplete(this))
            return false;

        // The parsers want it in one piece.
        if (_full.Count > 0)
        {
            var whole = new MemoryStream(_length);
            _full.ForEach(part => whole.Write(part));
            whole.Write(_part, 0, _inPart);
            (_full, _part, _inPart) = ([], whole.GetBuffer(), _length);
        }

        return true;
    }
}
