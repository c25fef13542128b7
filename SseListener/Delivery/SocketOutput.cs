using System.Buffers.Text;
using SseListener.Events;

namespace SseListener.Delivery;

/// <summary>A connection's own non-blocking socket: a slice is one system call. HTTP/1.0 has no chunks, and gets the frames bare.</summary>
internal sealed class SocketOutput(Socket socket, bool isChunked, Func<Socket, long> acknowledgedBy) : Output
{
    private const int MostReceived = 8 * 1024; // Bytes that a client may send behind its request; browsers send none.
    private static readonly byte[] _nowhere = new byte[1024]; // All watches write to it, and nothing reads it.
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

            unsent = sent == bytes.Length ? null : Behind(sent, isChunked ? ToChunkPieces(slice) : slice.ToPieces());
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

    /// <summary>Waits, by zero-byte reads, until the client leaves or sends too much, and ends it. What it sends is thrown away.</summary>
    public static async Task WatchAsync(Socket socket, Client client)
    {
        try
        {
            for (var received = 0; received <= MostReceived;)
            {
                await socket.ReceiveAsync(Memory<byte>.Empty);
                var count = socket.Receive(_nowhere, SocketFlags.None, out var error);
                if (count == 0 && error is not SocketError.WouldBlock)
                {
                    client.Leave(error);
                    return;
                }

                received += count;
            }

            client.End(EndReason.SentMore);
        }
        catch (SocketException e)
        {
            client.Leave(e.SocketErrorCode);
        }
        catch (ObjectDisposedException)
        {
            // The stream has ended in another way.
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

    private static List<ArraySegment<byte>> ToChunkPieces(Slice slice)
    {
        var head = AsChunk(slice)[..^(slice.Length + _lineEnd.Length)].ToArray();
        return [head, .. slice.ToPieces(), _lineEnd];
    }
}
