using System.Buffers.Text;
using SseListener.Events;

namespace SseListener.Delivery;

/// <summary>A connection's own non-blocking socket: a slice is one system call and no allocation.</summary>
/// <param name="socket">Its owner closes it, once the lane has removed the client.</param>
/// <param name="isChunked">Whether each slice is a chunk; HTTP/1.0 has no chunks, and gets the frames bare.</param>
/// <param name="acknowledgedBy">Tells how many bytes the other end of a socket has acknowledged.</param>
internal sealed class SocketOutput(Socket socket, bool isChunked, Func<Socket, long> acknowledgedBy) : Output
{
    private static readonly byte[] _lineEnd = "\r\n"u8.ToArray();

    public override long Acknowledged => acknowledgedBy(socket);

    public override SocketError Send(Slice slice, out List<ArraySegment<byte>>? unsent)
    {
        unsent = null;
        var bytes = isChunked ? AsChunk(slice) : slice.Bytes;
        try
        {
            var sent = socket.Send(bytes, SocketFlags.None, out var error);
            if (error is not (SocketError.Success or SocketError.WouldBlock))
                return error;

            unsent = sent == bytes.Length ? null : isChunked ? UnsentOfChunk(slice, sent) : slice.Behind(sent);
            return SocketError.Success;
        }
        catch (ObjectDisposedException)
        {
            // The server stops, and has closed what was still open.
            return SocketError.OperationAborted;
        }
    }

    public override async Task<SocketError> SendAsync(List<ArraySegment<byte>> unsent)
    {
        try
        {
            await socket.SendAsync(unsent);
            return SocketError.Success;
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            return (e as SocketException)?.SocketErrorCode ?? SocketError.OperationAborted;
        }
    }

    public override void Cut()
    {
        try
        {
            socket.Shutdown(SocketShutdown.Both);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The other end was faster.
        }
    }

    // A chunk (RFC 9112, section 7.1) is its length in hexadecimal, a line end, the bytes and a line end. The slice has room for these.
    // Each client writes them again: nothing tells whether what stands there is of this slice or of one before.
    private static ReadOnlySpan<byte> AsChunk(Slice slice)
    {
        Span<byte> hex = stackalloc byte[Slice.Margin];
        Utf8Formatter.TryFormat(slice.Length, hex, out var count, 'x');
        var chunk = slice.Around(count + _lineEnd.Length, _lineEnd.Length);
        hex[..count].CopyTo(chunk);
        _lineEnd.CopyTo(chunk[count..]);
        _lineEnd.CopyTo(chunk[^_lineEnd.Length..]);
        return chunk;
    }

    private static List<ArraySegment<byte>> UnsentOfChunk(Slice slice, int sent)
    {
        var chunk = AsChunk(slice);
        var head = chunk.Length - slice.Length - _lineEnd.Length;
        var unsent = slice.Behind(Math.Clamp(sent - head, 0, slice.Length));
        if (sent < head)
            unsent.Insert(0, chunk[sent..head].ToArray());

        unsent.Add(new ArraySegment<byte>(_lineEnd)[Math.Max(0, sent - head - slice.Length)..]);
        return unsent;
    }
}
