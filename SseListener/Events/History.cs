namespace SseListener.Events;

/// <summary>
/// What is kept of all channels: a number of bytes for some time, the oldest segments going first, and an index by the frames' ids, which
/// holds only where the frames lie. It tells of each log that is empty now. For the hub's writer, except <see cref="Kept"/>.
/// </summary>
internal sealed class History(long limit, TimeSpan age, Action<ChannelLog> emptied)
{
    private const int SegmentsOfHistory = 16; // Whole segments are dropped, so this is how closely the limits are kept.
    private const int SmallestSegment = 128; // Quiet channels may be many, and each have one small event.
    private const int LargestSegment = 256 * 1024;
    private const int SmallestLimit = 512; // However small the history is, a segment may grow to this.
    private const int FramesAtATime = 2000; // Forgetting their ids takes a few milliseconds, for which publishers wait.
    private readonly SegmentLimits _segments = LimitsOf(limit / SegmentsOfHistory, age / SegmentsOfHistory);
    private readonly HashSet<FrameLocation> _byId = new(new ById());
    private readonly Dictionary<long, string> _shared = []; // By number, the channels of frames that have several: each has a copy.
    private long _appended;
    private long _bytes;

    public (int Events, long Bytes) Kept => (_byId.Count, Volatile.Read(ref _bytes));
    public LogIndex LogIndex { get; } = new();

    /// <summary>Appends a frame, published at <paramref name="time"/> (Unix milliseconds), to a channel's log.</summary>
    public FrameLocation Append(ChannelLog log, ReadOnlySpan<byte> frame, long sequence, long time)
    {
        var location = log.Append(frame, new FrameStamp(sequence, time, _appended), _segments);
        LogIndex.Append(location);

        // A frame is found by its id alone: this removes an earlier one, which a journal that is read back may have.
        _byId.Remove(location);
        _byId.Add(location);
        _appended += frame.Length;
        _bytes += frame.Length;
        return location;
    }

    /// <summary>Notes that the copies of a frame with this number are one.</summary>
    public void Bind(long sequence, ChannelSet channels)
    {
        if (!channels.IsOne)
            _shared[sequence] = channels.Names;
    }

    /// <summary>The names of all channels of a frame, as <see cref="ChannelSet.NamesOf"/> writes them.</summary>
    public string ChannelsOf(FrameLocation frame) => _shared.GetValueOrDefault(frame.Sequence, frame.Channel);

    /// <summary>Drops what no longer fits, up to the frame with this number, which stays: it is still to be delivered.</summary>
    public void Trim(long first)
    {
        while (_bytes > limit && LogIndex.FindOldest() is { } oldest && oldest.LastSequence < first)
            DropFirst(oldest.Log);
    }

    /// <summary>Whether what was published at one time is too old at another (Unix milliseconds).</summary>
    public bool IsTooOld(long published, long time) => published < time - (long)age.TotalMilliseconds;

    /// <summary>Drops what is too old at a time (Unix milliseconds), but not too much at once; true when there may be more.</summary>
    public bool Expire(long time)
    {
        var remaining = FramesAtATime;
        while (remaining > 0 && LogIndex.FindOldest() is { } oldest && IsTooOld(oldest.LastTime, time))
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

    /// <summary>Forgets a channel's events, as the frame with this number says, which itself is not kept.</summary>
    public void Forget(ChannelLog log, long sequence)
    {
        Drop(log);
        var nothing = new Segment(log, capacity: 0);
        LogIndex.Append(new FrameLocation(nothing, Start: 0, Length: 0, sequence));
        nothing.Drop(LogIndex.Drop(sequence));
    }

    public void DropAll()
    {
        while (LogIndex.FindOldest() is { } oldest)
            DropFirst(oldest.Log);
    }

    /// <summary>Lets no frame be found by this id (UTF-8).</summary>
    public void ForgetId(ReadOnlySpan<byte> id) => _byId.GetAlternateLookup<ReadOnlySpan<byte>>().Remove(id);

    /// <summary>Finds the frame with this id (UTF-8) among those kept.</summary>
    public bool TryFind(ReadOnlySpan<byte> id, out FrameLocation location) =>
        _byId.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(id, out location);

    private static SegmentLimits LimitsOf(long bytes, TimeSpan time)
    {
        var largest = (int)Math.Clamp(bytes, SmallestLimit, LargestSegment);
        return new SegmentLimits(SmallestSegment, largest, (long)time.TotalMilliseconds, Math.Max(bytes, largest));
    }

    private void DropFirst(ChannelLog log)
    {
        var segment = log.First;
        foreach (var frame in segment.Frames)
        {
            var isFound = _byId.TryGetValue(frame, out var latest) && latest == frame;
            if (isFound)
                _byId.Remove(frame);

            if (_shared.Count > 0 && _shared.ContainsKey(frame.Sequence))
                DropShared(frame, isFound);
        }

        _bytes -= segment.Length;
        log.DropFirst(LogIndex.Drop(segment.LastSequence));
        if (log.IsEmpty)
            emptied(log);
    }

    // Another copy is found by the id now.
    private void DropShared(FrameLocation dropped, bool isFound)
    {
        for (var cursor = LogIndex.After(dropped.Sequence - 1); cursor.TryPeek(out var copy) && copy.Sequence == dropped.Sequence; cursor.Advance(1))
        {
            if (copy.IsDropped || copy.Segment == dropped.Segment)
                continue;

            if (isFound)
                _byId.Add(copy);

            return;
        }

        _shared.Remove(dropped.Sequence);
    }

    private sealed class ById : IEqualityComparer<FrameLocation>, IAlternateEqualityComparer<ReadOnlySpan<byte>, FrameLocation>
    {
        public bool Equals(FrameLocation x, FrameLocation y) => x.Id.SequenceEqual(y.Id);
        public bool Equals(ReadOnlySpan<byte> alternate, FrameLocation other) => alternate.SequenceEqual(other.Id);
        public int GetHashCode([DisallowNull] FrameLocation obj) => GetHashCode(obj.Id);

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
