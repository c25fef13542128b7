using System.Diagnostics.CodeAnalysis;

namespace SseListener.Events;

/// <summary>
/// What is kept of all channels: a number of bytes, the oldest segments going first, for some time, and an index of the ids in them.
/// The index holds no ids of its own, only where the frames lie that end with them. For the hub's writer only.
/// </summary>
internal sealed class History
{
    // What is kept goes a segment at a time, so this is how closely the limits are kept.
    private const int SegmentsOfHistory = 16;

    private readonly long _limit;
    private readonly TimeSpan _age;
    private readonly Queue<Segment> _sealed = new();
    private readonly HashSet<FramePosition> _index = new(new ById());
    private readonly HashSet<FramePosition>.AlternateLookup<ReadOnlySpan<byte>> _byId;
    private long _bytes;

    /// <summary>A history that keeps <paramref name="limit"/> bytes of frames, and the segments that are being filled, up to an age.</summary>
    public History(long limit, TimeSpan age)
    {
        _limit = limit;
        _age = age;
        _byId = _index.GetAlternateLookup<ReadOnlySpan<byte>>();
    }

    /// <summary>A new channel's log.</summary>
    public ChannelLog CreateLog(string name) =>
        new(name, (int)Math.Clamp(_limit / SegmentsOfHistory, 512, 256 * 1024), _age / SegmentsOfHistory);

    /// <summary>Appends a frame to a channel's log and drops what no longer fits.</summary>
    public FramePosition Append(ChannelLog log, ReadOnlySpan<byte> frame, long time)
    {
        var position = log.Append(frame, time, out var sealedSegment);
        if (sealedSegment is not null)
        {
            _sealed.Enqueue(sealedSegment);
        }

        // An id may have been used before: by an event that is no longer to be kept, but still is when it is read back.
        _index.Remove(position);
        _index.Add(position);
        _bytes += frame.Length;
        while (_bytes > _limit && _sealed.TryDequeue(out var oldest))
        {
            // Its age may have been the end of it.
            if (oldest == oldest.Log.First)
            {
                Drop(oldest);
            }
        }

        return position;
    }

    /// <summary>Whether what was published at <paramref name="published"/> is too old at <paramref name="time"/> (Unix milliseconds).</summary>
    public bool IsTooOld(long published, long time) => published < time - (long)_age.TotalMilliseconds;

    /// <summary>Drops what these logs hold that is too old at <paramref name="time"/> (Unix milliseconds).</summary>
    public void Expire(IEnumerable<ChannelLog> logs, long time)
    {
        foreach (var log in logs)
        {
            // The first may be empty, when the first frame was too large for it.
            while (IsTooOld(log.First.LastAppend, time) && (log.First.Length > 0 || log.First.Next is not null))
            {
                Drop(log.First);
            }
        }

        while (_sealed.TryPeek(out var oldest) && oldest.Buffer is null)
        {
            _sealed.Dequeue();
        }
    }

    /// <summary>Finds the frame with this id (UTF-8) among those kept.</summary>
    public bool TryFind(ReadOnlySpan<byte> id, out FramePosition position) => _byId.TryGetValue(id, out position);

    private void Drop(Segment segment)
    {
        foreach (var frame in segment.Frames)
        {
            if (_index.TryGetValue(frame, out var latest) && latest == frame)
            {
                _index.Remove(frame);
            }
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
