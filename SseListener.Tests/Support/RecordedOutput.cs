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

    /// <summary>Ends the send of a rest.</summary>
    public TaskCompletionSource<SocketError> Rest { get; } = new();

    /// <summary>The rest that is being sent.</summary>
    public string RestText { get; private set; } = "";

    public override SocketError Send(Slice slice, out List<ArraySegment<byte>>? rest)
    {
        Sends++;
        var bytes = slice.Around(0, 0);
        _bytes.AddRange(bytes[..Math.Min(taken, bytes.Length)]);
        rest = taken < bytes.Length ? slice.Behind(taken) : null;
        return SocketError.Success;
    }

    public override Task<SocketError> SendAsync(List<ArraySegment<byte>> rest)
    {
        RestText = string.Concat(rest.Select(piece => Encoding.UTF8.GetString(piece)));
        return Rest.Task;
    }

    public override void Cut() => IsCut = true;
}
