using System.Net.Sockets;
using SseListener.Events;

namespace SseListener.Delivery;

/// <summary>A connection's own socket, which must not block: a slice is one system call, and nothing is allocated for it.</summary>
/// <param name="socket">The socket. It stays its owner's, who closes it once the client's lane has let go of the client.</param>
/// <param name="isChunked">Whether each slice is a chunk; HTTP/1.0 knows none, and gets the frames bare.</param>
/// <param name="takenBy">Tells how many bytes the other end of a socket has taken.</param>
internal sealed class SocketOutput(Socket socket, bool isChunked, Func<Socket, long> takenBy) : Output
{
    /// <inheritdoc/>
    public override long Taken => takenBy(socket);

    /// <inheritdoc/>
    public override SocketError Send(Slice slice, out List<ArraySegment<byte>>? rest)
    {
        rest = null;
        var bytes = isChunked ? Chunk.Frame(slice) : slice.Around(0, 0);
        try
        {
            var sent = socket.Send(bytes, SocketFlags.None, out var error);
            if (error is not (SocketError.Success or SocketError.WouldBlock))
            {
                return error;
            }

            rest = sent == bytes.Length ? null : isChunked ? Chunk.Behind(slice, sent) : slice.Behind(sent);
            return SocketError.Success;
        }
        catch (ObjectDisposedException)
        {
            // The server stops, and has closed what was still open.
            return SocketError.OperationAborted;
        }
    }

    /// <inheritdoc/>
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

    /// <inheritdoc/>
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
}
