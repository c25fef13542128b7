using System.Runtime.InteropServices;
using SseListener.Events;

namespace SseListener.Delivery;

/// <summary>A client's connection, for its lane's thread. A send (at most one at a time) returns why it failed, or Success.</summary>
internal abstract class Output
{
    /// <summary>How many bytes the other end has acknowledged; always 0 where that is unknown.</summary>
    public virtual long Acknowledged => 0;

    /// <summary>Sends what fits at once, after which the slice may change; <paramref name="unsent"/> is the rest, or null.</summary>
    public abstract SocketError Send(Slice slice, out List<ArraySegment<byte>>? unsent);

    /// <summary>Sends what <see cref="Send"/> has left, however long that takes.</summary>
    public abstract Task<SocketError> SendAsync(List<ArraySegment<byte>> unsent);

    /// <summary>Ends the connection, so that a send under way fails.</summary>
    public abstract void Cut();

    /// <summary>What is left of pieces of which the first bytes, fewer than all, have been sent.</summary>
    protected static List<ArraySegment<byte>> Behind(int sent, List<ArraySegment<byte>> pieces)
    {
        for (; sent >= pieces[0].Count; pieces.RemoveAt(0))
            sent -= pieces[0].Count;

        pieces[0] = pieces[0][sent..];
        return pieces;
    }
}

/// <summary>
/// A response's stream, which makes its own chunks, for platforms where the connection's socket cannot be reached. A write may block, so
/// the pool's threads do it, and only the next write notices that a client has left.
/// </summary>
internal sealed class StreamOutput(Stream stream, Action cut) : Output
{
    private static readonly string _timedOut = new SocketException((int)SocketError.TimedOut).Message;

    public override SocketError Send(Slice slice, out List<ArraySegment<byte>>? unsent)
    {
        unsent = slice.ToPieces();
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
            // The listener's exception has only a message. A connection that another thread closes may throw a NullReferenceException.
            return e.Message.Contains(_timedOut, StringComparison.Ordinal) ? SocketError.TimedOut : SocketError.ConnectionReset;
        }
    }

    public override void Cut() => _ = Task.Run(cut);
}
