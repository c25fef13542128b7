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

    /// <summary>
    /// Sends of a slice, which may change after the call, what the connection takes at once. What is <paramref name="unsent"/>, unless it
    /// is null, is to be sent before the next slice.
    /// </summary>
    public abstract SocketError Send(Slice slice, out List<ArraySegment<byte>>? unsent);

    public abstract Task<SocketError> SendAsync(List<ArraySegment<byte>> unsent);

    /// <summary>Ends the connection for sending, so that a send under way fails.</summary>
    public abstract void Cut();
}
