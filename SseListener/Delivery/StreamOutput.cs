using System.Net.Sockets;
using System.Runtime.InteropServices;
using SseListener.Events;

namespace SseListener.Delivery;

/// <summary>
/// A response's stream, which makes its own chunks: where a connection's socket cannot be reached. It may block whoever writes, so all is
/// written on threads of the pool, and a client that has left is found by the next write.
/// </summary>
/// <param name="stream">The stream.</param>
/// <param name="cut">Ends its connection.</param>
internal sealed class StreamOutput(Stream stream, Action cut) : Output
{
    private static readonly string _timedOut = new SocketException((int)SocketError.TimedOut).Message;

    /// <inheritdoc/>
    public override SocketError Send(Slice slice, out List<ArraySegment<byte>>? rest)
    {
        rest = slice.Behind(0);
        return SocketError.Success;
    }

    /// <inheritdoc/>
    public override async Task<SocketError> SendAsync(List<ArraySegment<byte>> rest)
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        try
        {
            foreach (var piece in rest)
            {
                await stream.WriteAsync(piece);
            }

            return SocketError.Success;
        }
        catch (Exception e) when (e is IOException or ExternalException or InvalidOperationException or NullReferenceException)
        {
            // The listener's own exception is an ExternalException that passes on the words only. A connection that is being closed on
            // another thread may cost it a NullReferenceException.
            return e.Message.Contains(_timedOut, StringComparison.Ordinal) ? SocketError.TimedOut : SocketError.ConnectionReset;
        }
    }

    /// <inheritdoc/>
    public override void Cut() => _ = Task.Run(cut);
}
