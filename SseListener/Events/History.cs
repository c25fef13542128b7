namespace SseListener.Events;

/// <summary>
/// What is kept of all channels: a number of bytes for some time, the oldest segments going first, and an index of the ids in them. The
/// index holds no ids, only where the frames lie that end with them. For the hub's writer only.
/// </summary>
internal sealed class History
{
    // Whole segments are dropped, so this is how closely the limits are kept.
    private const int SegmentsOfHistory = 16;

    // Quiet channels may be many, and each have one small event.
    private const int SmallestSegment = 128;
    private const int LargestSegment = 256 * 1024;

    // However small the history is, a segment may grow to this.
    private const int SmallestLimit = 512;

    // Forgetting their ids takes a few milliseconds, for which publishers wait.
    private const int FramesAtATime = 2000;

    private readonly long _limit;
    private readonly TimeSpan _age;
    private readonly SegmentLimits _segments;
    private readonly Action<ChannelLog> _emptied;
    private readonly HashSet<FrameLocation> _index = new(new ById());
    private readonly HashSet<FrameLocation>.AlternateLookup<ReadOnlySpan<byte>> _byId;
    private long _appended;
    private long _bytes;

    /// <summary>Keeps <paramref name="limit"/> bytes of frames, and tells of each log of which nothing is kept any more.</summary>
    public History(long limit, TimeSpan age, Action<ChannelLog> emptied)
    {
        _limit = limit;
        _age = age;
        _emptied = emptied;
        _byId = _index.GetAlternateLookup<ReadOnlySpan<byte>>();
        var share = limit / SegmentsOfHistory;
        var largest = (int)Math.Clamp(share, SmallestLimit, LargestSegment);
        var time = (long)(age / SegmentsOfHistory).TotalMilliseconds;
        _segments = new SegmentLimits(SmallestSegment, largest, time, Math.Max(share, largest));
    }

    public Kept Kept => new(_index.Count, Volatile.Read(ref _bytes));
    public LogIndex LogIndex { get; } = new();

    /// <summary>Appends a frame, published at <paramref name="time"/> (Unix milliseconds), to a channel's log.</summary>
    public FrameLocation Append(ChannelLog log, ReadOnlySpan<byte> frame, long sequence, long time)
    {
        var location = log.Append(frame, new FrameStamp(sequence, time, _appended), _segments);
        LogIndex.Append(location);

        // In a journal that is read back, an id may occur again behind an event that is no longer to be kept.
        _index.Remove(location);
        _index.Add(location);
        _appended += frame.Length;
        _bytes += frame.Length;
        return location;
    }

    /// <summary>Drops what no longer fits, up to the frame with this number, which stays: it is still to be delivered.</summary>
    public void Trim(long first)
    {
        while (_bytes > _limit && LogIndex.Oldest is { } oldest && oldest.LastSequence < first)
            DropFirst(oldest.Log);
    }

    /// <summary>Whether what was published at one time is too old at another (Unix milliseconds).</summary>
    public bool IsTooOld(long published, long time) => published < time - (long)_age.TotalMilliseconds;

    /// <summary>Drops what is too old at a time (Unix milliseconds), but not too much at once; true when there may be more.</summary>
    public bool Expire(long time)
    {
        var remaining = FramesAtATime;
        while (remaining > 0 && LogIndex.Oldest is { } oldest && IsTooOld(oldest.LastTime, time))
        {
            remaining -= oldest.Count;
            DropFirst(oldest.Log);
        }

        return remaining <= 0;
    }

    public void Drop(ChannelLog log)
    {
        while (!log.IsEmpty)
            DropFirst(log);
    }

    /// <summary>Finds the frame with this id (UTF-8) among those kept.</summary>
    public bool TryFind(ReadOnlySpan<byte> id, out FrameLocation location) => _byId.TryGetValue(id, out location);

    private void DropFirst(ChannelLog log)
    {
        var segment = log.First;
        foreach (var frame in segment.Frames)
        {
            if (_index.TryGetValue(frame, out var latest) && latest == frame)
                _index.Remove(frame);
        }

        _bytes -= segment.Length;
        log.DropFirst(LogIndex.Drop(segment.LastSequence));
        if (log.IsEmpty)
            _emptied(log);
    }

    private sealed class ById : IEqualityComparer<FrameLocation>, IAlternateEqualityComparer<ReadOnlySpan<byte>, FrameLocation>
    {
        public bool Equals(FrameLocation x, FrameLocation y) => x.Id.SequenceEqual(y.Id);

        public int GetHashCode([DisallowNull] FrameLocation obj) => GetHashCode(obj.Id);

        public bool Equals(ReadOnlySpan<byte> alternate, FrameLocation other) => alternate.SequenceEqual(other.Id);

        // HashCode is seeded at random in each process, so ids cannot be chosen to collide.
        public int GetHashCode(ReadOnlySpan<byte> alternate)
        {
            var hash = default(HashCode);
            hash.AddBytes(alternate);
            return hash.ToHashCode();
        }

        public FrameLocation Create(ReadOnlySpan<byte> alternate) => throw new NotSupportedException("An id alone is no frame.");
    }
}

/// <summary>How much is kept: frames, and their bytes.</summary>
internal readonly record struct Kept(int Events, long Bytes);
