using System.Diagnostics.CodeAnalysis;

namespace SseListener.Events;

/// <summary>
/// What is kept of all channels: at most a number of bytes, the oldest segments going first, and an index of the ids in them.
/// The index holds no ids of its own, only where the frames lie that end with them. For the hub's writer only.
/// </summary>
internal sealed class History
{
    private readonly long _limit;
    private readonly Queue<Segment> _sealed = new();
    private readonly HashSet<FramePosition> _index = new(new ById());
    private readonly HashSet<FramePosition>.AlternateLookup<ReadOnlySpan<byte>> _byId;
    private long _bytes;

    /// <summary>A history that keeps <paramref name="limit"/> bytes of frames, and the segments that are being filled.</summary>
    public History(long limit)
    {
        _limit = limit;
        _byId = _index.GetAlternateLookup<ReadOnlySpan<byte>>();
    }

    /// <summary>
    /// Largest segment for a history of this size, in bytes. History is dropped a segment at a time, so a sixteenth of it is
    /// how closely the limit is kept.
    /// </summary>
    public int LargestSegment => (int)Math.Clamp(_limit / 16, 512, 256 * 1024);

    /// <summary>Appends a frame to a channel's log and drops what no longer fits.</summary>
    public FramePosition Append(ChannelLog log, ReadOnlySpan<byte> frame)
    {
        var position = log.Append(frame, out var sealedSegment);
        if (sealedSegment is not null)
        {
            _sealed.Enqueue(sealedSegment);
        }

        _index.Add(position);
        _bytes += frame.Length;
        while (_bytes > _limit && _sealed.TryDequeue(out var oldest))
        {
            Drop(oldest);
        }

        return position;
    }

    /// <summary>Finds the frame with this id (UTF-8) among those kept.</summary>
    public bool TryFind(ReadOnlySpan<byte> id, out FramePosition position) => _byId.TryGetValue(id, out position);

    private void Drop(Segment segment)
    {
        foreach (var frame in segment.Frames)
        {
            _index.Remove(frame);
        }

        _bytes -= segment.Length;
        segment.Log.DropFirst();
    }

    private sealed class ById : IEqualityComparer<FramePosition>, IAlternateEqualityComparer<ReadOnlySpan<byte>, FramePosition>
    {
        public bool Equals(FramePosition x, FramePosition y) => x.Id.SequenceEqual(y.Id);

        public int GetHashCode([DisallowNull] FramePosition obj) => GetHashCode(obj.Id);

        public bool Equals(ReadOnlySpan<byte> alternate, FramePosition other) => alternate.SequenceEqual(other.Id);

        // HashCode is seeded at random in each process, so ids cannot be chosen to collide.
        public int GetHashCode(ReadOnlySpan<byte> alternate)
        {
            var hash = default(HashCode);
            hash.AddBytes(alternate);
            return hash.ToHashCode();
        }

        public FramePosition Create(ReadOnlySpan<byte> alternate) => throw new NotSupportedException("An id alone is no frame.");
    }
}
