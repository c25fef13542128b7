using System.Diagnostics;
using System.Net.Sockets;
using SseListener.Events;

namespace SseListener.Tests.Support;

/// <summary>A connection that takes everything, but each slice takes a while of the processor, as a send does.</summary>
internal sealed class SlowOutput() : RecordedOutput
{
    private static readonly TimeSpan _send = TimeSpan.FromMicroseconds(500);

    /// <summary>Keeps the processor for so long.</summary>
    public static void Spin(TimeSpan time)
    {
        var started = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(started) < time)
            Thread.SpinWait(10);
    }

    public override SocketError Send(Slice slice, out List<ArraySegment<byte>>? unsent)
    {
        Spin(_send);
        return base.Send(slice, out unsent);
    }
}
