using System.Diagnostics;

namespace SseListener.Tests.Support;

/// <summary>A stream whose writes succeed, but each takes a while of the processor, as a send does.</summary>
internal sealed class SlowOutput : QuickOutput
{
    private static readonly TimeSpan _write = TimeSpan.FromMicroseconds(500);

    /// <summary>How many there have been.</summary>
    public int Writes { get; private set; }

    /// <summary>Keeps the processor for so long.</summary>
    public static void Spin(TimeSpan time)
    {
        var started = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(started) < time)
        {
            Thread.SpinWait(10);
        }
    }

    public override IAsyncResult BeginWrite(byte[] buffer, int offset, int count, AsyncCallback? callback, object? state)
    {
        Spin(_write);
        Writes++;
        return base.BeginWrite(buffer, offset, count, callback, state);
    }
}
