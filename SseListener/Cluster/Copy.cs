using NATS.Client.Core;

namespace SseListener.Cluster;

/// <summary>A message as one replica of the stream holds it.</summary>
/// <param name="Sequence">The stream's sequence.</param>
/// <param name="Time">When the servers stored it, in Unix milliseconds.</param>
/// <param name="Headers">Which hub's message it is, and for which log.</param>
/// <param name="Body">Its publishes.</param>
internal sealed record Copy(long Sequence, long Time, NatsHeaders? Headers, ReadOnlyMemory<byte> Body)
{
    private readonly (string Hub, string Number) _origin = LogMessage.OriginOf(Headers);

    /// <summary>Whether another replica holds the same message at this sequence. A hub's message of one number has one content.</summary>
    public bool IsSameAs(Copy other) => Sequence == other.Sequence && _origin == other._origin;
}
