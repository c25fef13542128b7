namespace SseListener.Cluster;

/// <summary>
/// Numbers of frames in a shared log: the stream's sequence of the message (its higher bits), then the place in the message. So every hub
/// gives a frame the same number, whatever else it has read.
/// </summary>
internal static class LogPlace
{
    /// <summary>Most frames of one message.</summary>
    public const int MostFrames = 1 << Bits;
    private const int Bits = 16;

    public static long Of(long message, int index) => (message << Bits) | (long)index;

    /// <summary>The last number that a frame of a message may have.</summary>
    public static long EndOf(long message) => Of(message, MostFrames - 1);

    /// <summary>The message that a number belongs to.</summary>
    public static long MessageOf(long place) => place >> Bits;
}
