using System.Net.Sockets;
using SseListener.Events;

namespace SseListener.Delivery;

/// <summary>
/// Where a client's slices go: its connection. It takes one slice at a time. For its lane's thread, but for <see cref="SendAsync"/>.
/// </summary>
internal abstract class Output
{
    /// <summary>How many bytes the other end has taken so far; always 0 where that cannot be found out.</summary>
    public virtual long Taken => 0;

    /// <summary>Sends of a slice what the connection takes at once.</summary>
    /// <param name="slice">The slice; it may change after the call.</param>
    /// <param name="rest">What it did not take, to be sent before the next slice; null when there is none.</param>
    /// <returns>Why the connection takes nothing any more, or <see cref="SocketError.Success"/>.</returns>
    public abstract SocketError Send(Slice slice, out List<ArraySegment<byte>>? rest);

    /// <summary>Sends a rest. On any thread.</summary>
    /// <returns>Why the connection takes nothing any more, or <see cref="SocketError.Success"/>.</returns>
    public abstract Task<SocketError> SendAsync(List<ArraySegment<byte>> rest);

    /// <summary>Ends the connection for sending, so that a rest that is being sent fails.</summary>
    public abstract void Cut();
}
