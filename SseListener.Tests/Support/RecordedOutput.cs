using System.Net.Sockets;
using System.Text;
using SseListener.Delivery;
using SseListener.Events;

namespace SseListener.Tests.Support;

/// <summary>A connection that takes everything at once, or after a while, or never all of it; and what it has taken.</summary>
/// <param name="taken">How many bytes of a slice it takes at once.</param>
internal class RecordedOutput(int taken = int.MaxValue) : Output
{
    private readonly List<byte> _bytes = [];

    /// <summary>What it has taken.</summary>
    public string Text => Encoding.UTF8.GetString([.. _bytes]);

    /// <summary>How many bytes.</summary>
    public int Length => _bytes.Count;

    /// <summary>How many slices there have been.</summary>
    public int Sends { get; private set; }

    /// <summary>Whether it has been cut.</summary>
    public bool IsCut { get; private set; }

    /// <summary>Ends the send of what was unsent.</summary>
    public TaskCompletionSource<SocketError> Unsent { get; } = new();

    /// <summary>What is being sent of it.</summary>
    public string UnsentText { get; private set; } = "";

    public override SocketError Send(Slice slice, out List<ArraySegment<byte>>? unsent)
    {
        Sends++;
        var bytes = slice.Bytes;
        _bytes.AddRange(bytes[..Math.Min(taken, bytes.Length)]);
        unsent = taken < bytes.Length ? Behind(taken, slice.ToPieces()) : null;
        return SocketError.Success;
    }

    public override Task<SocketError> SendAsync(List<ArraySegment<byte>> unsent)
    {
        UnsentText = string.Concat(unsent.Select(piece => Encoding.UTF8.GetString(piece)));
        return Unsent.Task;
    }

    public override void Cut() => IsCut = true;
}
