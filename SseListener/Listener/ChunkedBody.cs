namespace SseListener.Listener;

/// <summary>
/// Stands in for a connection's stream while HttpListener reads a chunked body. HttpListener calls itself for each piece that yields
/// nothing, such as a trailer line or the head of a chunk: some 40,000 of them that have all arrived end the process. Here no read
/// completes at once, so each begins on a fresh stack.
/// </summary>
/// <param name="connection">The connection's own stream.</param>
/// <param name="limit">Most bytes that are read, what makes the chunks included.</param>
internal sealed class ChunkedBody(Stream connection, long limit) : Stream
{
    private long _read;

    /// <summary>Whether there was more than the limit. The body then ends early.</summary>
    public bool IsTooLong { get; private set; }

    /// <summary>Whether the connection ended before the body, which HttpListener takes for the end of the body.</summary>
    public bool IsCutOff { get; private set; }

    /// <summary>The connection's own stream.</summary>
    public Stream Connection => connection;

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => connection.CanWrite;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <inheritdoc/>
    public override IAsyncResult BeginRead(byte[] buffer, int offset, int count, AsyncCallback? callback, object? state)
    {
        var read = new TaskCompletionSource<int>(state);
        _ = ReadAsync(buffer.AsMemory(offset, count), read, callback);
        return read.Task;
    }

    /// <inheritdoc/>
    public override int EndRead(IAsyncResult asyncResult) => ((Task<int>)asyncResult).GetAwaiter().GetResult();

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => connection.Read(buffer, offset, count);

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => connection.Write(buffer, offset, count);

    /// <inheritdoc/>
    public override IAsyncResult BeginWrite(byte[] buffer, int offset, int count, AsyncCallback? callback, object? state) =>
        connection.BeginWrite(buffer, offset, count, callback, state);

    /// <inheritdoc/>
    public override void EndWrite(IAsyncResult asyncResult) => connection.EndWrite(asyncResult);

    /// <inheritdoc/>
    public override void Flush() => connection.Flush();

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    private async Task ReadAsync(Memory<byte> buffer, TaskCompletionSource<int> read, AsyncCallback? callback)
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        IsTooLong = _read >= limit;
        try
        {
            var count = IsTooLong ? 0 : await connection.ReadAsync(buffer);
            _read += count;
            IsCutOff = count == 0;
            read.SetResult(count);
        }
#pragma warning disable CA1031 // It goes to whoever called, who asks for it with EndRead.
        catch (Exception e)
#pragma warning restore CA1031
        {
            read.SetException(e);
        }

        callback?.Invoke(read.Task);
    }
}
