using SseListener.Events;

namespace SseListener.Delivery;

/// <summary>
/// A client's connection, which takes one slice at a time. For its lane's thread, except <see cref="SendAsync"/>. What the two sends
/// return is why the connection takes nothing any more, or <see cref="SocketError.Success"/>.
/// </summary>
internal abstract class Output
{
    /// <summary>How many bytes the other end has acknowledged; always 0 where that is unknown.</summary>
    public virtual long Acknowledged => 0;

    /// <summary>Sends of a slice what the connection takes at once. The slice may change after the call.</summary>
    /// <param name="slice">The slice.</param>
    /// <param name="rest">What is to be sent before the next slice; null when the connection took all of it.</param>
    public abstract SocketError Send(Slice slice, out List<ArraySegment<byte>>? rest);

    /// <summary>Sends a rest, on any thread.</summary>
    public abstract Task<SocketError> SendAsync(List<ArraySegment<byte>> rest);

    /// <summary>Ends the connection for sending, so that a send of a rest fails.</summary>
    public abstract void Cut();
}
