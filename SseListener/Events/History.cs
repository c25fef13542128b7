using System.Diagnostics.CodeAnalysis;

namespace SseListener.Events;

/// <summary>
/// What is kept of all channels: a number of bytes, the oldest segments going first, for some time, and an index of the ids in them.
/// The index holds no ids of its own, only where the frames lie that end with them. For the hub's writer only.
/// </summary>
internal sealed class History
{
    // What is kept goes a segment at a time, so this is how closely the limits are kept, and the order among channels.
    private const int SegmentsOfHistory = 16;

    // Quiet channels may be many, and an event of theirs small.
    private const int SmallestSegment = 128;
    private const int SmallestLargest = 512;
    private const int LargestSegment = 256 * 1024;

    // Forgetting an id takes about 2 us.
    private const int FramesAtATime = 2000;

    private readonly long _limit;
    private readonly TimeSpan _age;
    private readonly SegmentLimits _segments;
    private readonly Action<ChannelLog> _emptied;
    private readonly HashSet<FramePosition> _index = new(new ById());
    private readonly HashSet<FramePosition>.AlternateLookup<ReadOnlySpan<byte>> _byId;
    private long _taken;
    private long _bytes;

    /// <summary>A history without events.</summary>
    /// <param name="limit">Bytes of frames to keep.</param>
    /// <param name="age">How long to keep them.</param>
    /// <param name="emptied">Told of a log of which nothing is kept any more.</param>
    public History(long limit, TimeSpan age, Action<ChannelLog> emptied)
    {
        _limit = limit;
        _age = age;
        _emptied = emptied;
        _byId = _index.GetAlternateLookup<ReadOnlySpan<byte>>();
        var largest = (int)Math.Clamp(limit / SegmentsOfHistory, SmallestLargest, LargestSegment);
        _segments = new SegmentLimits(SmallestSegment, largest, (long)(age / SegmentsOfHistory).TotalMilliseconds, Math.Max(limit / SegmentsOfHistory, largest));
    }

    /// <summary>How much is kept. Any thread may ask.</summary>
    public Kept Kept => new(_index.Count, Volatile.Read(ref _bytes));

    /// <summary>All that is kept, in order.</summary>
    public LogIndex LogIndex { get; } = new();

    /// <summary>Appends a frame to a channel's log.</summary>
    /// <param name="log">The log.</param>
    /// <param name="frame">The frame's bytes.</param>
    /// <param name="sequence">Its number among all frames of all channels.</param>
    /// <param name="time">When it was published, in Unix milliseconds.</param>
    public NumberedFrame Append(ChannelLog log, ReadOnlySpan<byte> frame, long sequence, long time)
    {
        var position = log.Append(frame, new FrameStamp(sequence, time, _taken), _segments);
        var numbered = new NumberedFrame(position, sequence);
        LogIndex.Append(numbered);

        // An id may have been used before: by an event that is no longer to be kept, but still is when it is read back.
        _index.Remove(position);
        _index.Add(position);
        _taken += frame.Length;
        _bytes += frame.Length;
        return numbered;
    }

    /// <summary>Drops what no longer fits, up to the frame with this number, which stays: it is still to be delivered.</summary>
    public void Trim(long first)
    {
        while (_bytes > _limit && LogIndex.Oldest is { } oldest && oldest.LastSequence < first)
        {
            Drop(oldest);
        }
    }

    /// <summary>Whether what was published at <paramref name="published"/> is too old at <paramref name="time"/> (Unix milliseconds).</summary>
    public bool IsTooOld(long published, long time) => published < time - (long)_age.TotalMilliseconds;

    /// <summary>Drops what is too old at <paramref name="time"/> (Unix milliseconds), as much of it as takes a few milliseconds.</summary>
    /// <returns>Whether there may be more.</returns>
    public bool Expire(long time)
    {
        var most = FramesAtATime;

        // Behind one that is not too old as a whole there may be shorter ones that are.
        var cursor = LogIndex.Beginning;
        while (most > 0 && cursor.TryPeek(out var frame) && (frame.IsDropped || IsTooOld(frame.Segment.FirstTime, time)))
        {
            // Only its channel's first: where the clock was set back, a later one may be the older one.
            if (!frame.IsDropped && frame.Segment == frame.Segment.Log.First && IsTooOld(frame.Segment.LastTime, time))
            {
                most -= frame.Segment.Count;
                Drop(frame.Segment);
            }

            cursor.MoveNext();
        }

        // Lets go of those that were dropped.
        _ = LogIndex.Oldest;
        return most <= 0;
    }

    /// <summary>Drops all that is kept of a channel.</summary>
    public void Drop(ChannelLog log)
    {
        while (!log.IsEmpty)
        {
            Drop(log.First);
        }
    }

    /// <summary>Finds the frame with this id (UTF-8) among those kept.</summary>
    public bool TryFind(ReadOnlySpan<byte> id, out FramePosition position) => _byId.TryGetValue(id, out position);

    // The first of its log.
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
        segment.Log.DropFirst(LogIndex.Drop(segment.LastSequence));
        if (segment.Log.IsEmpty)
        {
            _emptied(segment.Log);
        }
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

/// <summary>How much is kept.</summary>
/// <param name="Events">Frames.</param>
/// <param name="Bytes">Their bytes.</param>
internal readonly record struct Kept(int Events, long Bytes);
