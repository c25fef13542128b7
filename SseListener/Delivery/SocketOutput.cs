using System.Buffers.Text;
using SseListener.Events;

namespace SseListener.Delivery;

/// <summary>A connection's own non-blocking socket: a slice is one system call and no allocation.</summary>
/// <param name="socket">The socket. Its owner closes it, once the lane has removed the client.</param>
/// <param name="isChunked">Whether each slice is a chunk; HTTP/1.0 has no chunks, and gets the frames bare.</param>
/// <param name="acknowledgedBy">Tells how many bytes the other end of a socket has acknowledged.</param>
internal sealed class SocketOutput(Socket socket, bool isChunked, Func<Socket, long> acknowledgedBy) : Output
{
    private static readonly byte[] _lineEnd = "\r\n"u8.ToArray();

    public override long Acknowledged => acknowledgedBy(socket);

    public override SocketError Send(Slice slice, out List<ArraySegment<byte>>? rest)
    {
        rest = null;
        var bytes = isChunked ? AsChunk(slice) : slice.Around(0, 0);
        try
        {
            var sent = socket.Send(bytes, SocketFlags.None, out var error);
            if (error is not (SocketError.Success or SocketError.WouldBlock))
                return error;

            rest = sent == bytes.Length ? null : isChunked ? RestOfChunk(slice, sent) : slice.Behind(sent);
            return SocketError.Success;
        }
        catch (ObjectDisposedException)
        {
            // The server stops, and has closed what was still open.
            return SocketError.OperationAborted;
        }
    }

    public override async Task<SocketError> SendAsync(List<ArraySegment<byte>> rest)
    {
        try
        {
            await socket.SendAsync(rest);
            return SocketError.Success;
        }
        catch (SocketException e)
        {
            return e.SocketErrorCode;
        }
        catch (ObjectDisposedException)
        {
            return SocketError.OperationAborted;
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
    private static ReadOnlySpan<byte> AsChunk(Slice slice)
    {
        Span<byte> length = stackalloc byte[Slice.Margin];
        Utf8Formatter.TryFormat(slice.Length, length, out var digits, 'x');
        var chunk = slice.Around(digits + _lineEnd.Length, _lineEnd.Length);
        length[..digits].CopyTo(chunk);
        _lineEnd.CopyTo(chunk[digits..]);
        _lineEnd.CopyTo(chunk[^_lineEnd.Length..]);
        return chunk;
    }

    private static List<ArraySegment<byte>> RestOfChunk(Slice slice, int sent)
    {
        var chunk = AsChunk(slice);
        var head = chunk.Length - slice.Length - _lineEnd.Length;
        var rest = slice.Behind(Math.Clamp(sent - head, 0, slice.Length));
        if (sent < head)
            rest.Insert(0, chunk[sent..head].ToArray());

        rest.Add(new ArraySegment<byte>(_lineEnd)[Math.Max(0, sent - head - slice.Length)..]);
        return rest;
    }
}
