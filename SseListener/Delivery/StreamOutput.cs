using System.Runtime.InteropServices;
using SseListener.Events;

namespace SseListener.Delivery;

/// <summary>
/// A response's stream, which makes its own chunks, for platforms where the connection's socket cannot be reached. A write may block, so
/// the pool's threads do it, and only the next write notices that a client has left.
/// </summary>
internal sealed class StreamOutput(Stream stream, Action cut) : Output
{
    private static readonly string _timedOut = new SocketException((int)SocketError.TimedOut).Message;

    public override SocketError Send(Slice slice, out List<ArraySegment<byte>>? unsent)
    {
        unsent = slice.Behind(0);
        return SocketError.Success;
    }

    public override async Task<SocketError> SendAsync(List<ArraySegment<byte>> unsent)
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        try
        {
            foreach (var piece in unsent)
                await stream.WriteAsync(piece);

            return SocketError.Success;
        }
        catch (Exception e) when (e is IOException or ExternalException or InvalidOperationException or NullReferenceException)
        {
            // The listener's exception has no code, only the message. A connection that another thread closes may throw a
            // NullReferenceException.
            return e.Message.Contains(_timedOut, StringComparison.Ordinal) ? SocketError.TimedOut : SocketError.ConnectionReset;
        }
    }

    public override void Cut() => _ = Task.Run(cut);
}
