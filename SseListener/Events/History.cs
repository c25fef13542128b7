namespace SseListener.Events;

/// <summary>
/// What is kept of all channels: of each kind of them a number of bytes for some time, the oldest segments going first, or so many events
/// of each; and an index by the frames' ids, which holds only where the frames lie. It tells of each log that is empty now, and, where
/// asked to, the number and length of each frame that is dropped. For the hub's writer, except <see cref="Kept"/>.
/// </summary>
internal sealed class History(Allowances allowances, Action<ChannelLog> emptied, Action<long, int>? dropped = null)
{
    private const int FramesAtATime = 2000; // Forgetting their ids takes a few milliseconds, for which publishers wait.
    private readonly HashSet<FrameLocation> _byId = new(new ById());
    private readonly Dictionary<long, string> _copied = []; // By number, the channels of frames that have several: each has a copy.
    private long _bytes;
    private int _count;

    public (int Events, long Bytes) Kept => (Volatile.Read(ref _count), Volatile.Read(ref _bytes));
    public Allowances Allowances => allowances;
    public LogIndex LogIndex { get; } = new(allowances);

    /// <summary>Appends a frame, published at <paramref name="time"/> (Unix milliseconds), to a channel's log.</summary>
    public FrameLocation Append(ChannelLog log, ReadOnlySpan<byte> frame, long sequence, long time)
    {
        var allowance = AllowanceOf(log);
        var location = log.Append(frame, new FrameStamp(sequence, time, allowance.Appended), allowance.Segments);
        allowance.Add(location);
        LogIndex.Append(location);

        // A frame is found by its id alone: this removes an earlier one, which a journal that is read back may have.
        _byId.Remove(location);
        _byId.Add(location);
        _bytes += frame.Length;
        _count++;
        while (log.Kept.Events - (log.IsEnded ? 1 : 0) - log.First.Count >= allowance.MostEvents)
            allowance.Supersede(DropFirst(log), time);

        return location;
    }

    /// <summary>Notes that the copies of a frame with this number are one.</summary>
    public void NoteCopies(long sequence, ChannelSet channels)
    {
        if (!channels.IsOne)
            _copied[sequence] = channels.Names;
    }

    /// <summary>The names of all channels of a frame, as <see cref="ChannelSet.NamesOf"/> writes them.</summary>
    public string ChannelsOf(FrameLocation frame) => _copied.GetValueOrDefault(frame.Sequence, frame.Channel);

    /// <summary>Counts a frame that a log had before a restart, and that was dropped then.</summary>
    public void AppendDropped(ChannelLog log, long sequence)
    {
        var segment = new Segment(log, capacity: 0) { DropNumber = LogIndex.CountDrop() };
        segment.Release();
        log.CountDropped(sequence);
        AllowanceOf(log).CountDropped(sequence);
        LogIndex.Append(new FrameLocation(segment, 0, 0, sequence));
    }

    /// <summary>Drops what no longer fits, up to the frame with this number, which stays: it is still to be delivered.</summary>
    public void Trim(long first)
    {
        foreach (var allowance in allowances.All)
        {
            while (allowance.Bytes > allowance.MostBytes && allowance.FindOldest() is { } oldest && oldest.LastSequence < first)
                Release(DropFirst(oldest.Log));

            while (allowance.TryTrimSlack(first, out var superseded))
                Release(superseded);
        }

        LogIndex.CompactIfMostIsDropped(_count);
    }

    /// <summary>Drops what is too old at a time (Unix milliseconds), but not too much at once; true when there may be more.</summary>
    public bool Expire(long time)
    {
        var remaining = FramesAtATime;
        foreach (var allowance in allowances.All)
        {
            while (remaining > 0 && allowance.FindOldest() is { } oldest && allowance.IsTooOld(oldest.LastTime, time))
            {
                remaining -= oldest.Count;
                Release(DropFirst(oldest.Log));
            }

            while (allowance.TryExpireSlack(time, out var superseded))
                Release(superseded);
        }

        LogIndex.CompactIfMostIsDropped(_count);
        return remaining <= 0;
    }

    public void Drop(ChannelLog log)
    {
        while (!log.IsEmpty)
            Release(DropFirst(log));
    }

    /// <summary>Forgets a channel's events, as the frame with this number says, which itself is not kept.</summary>
    public void Forget(ChannelLog log, long sequence)
    {
        Drop(log);
        log.ForgottenThrough = sequence;
        AppendDropped(log, sequence);
    }

    public void DropAll()
    {
        foreach (var allowance in allowances.All)
        {
            while (allowance.FindOldest() is { } oldest)
                Release(DropFirst(oldest.Log));
        }
    }

    /// <summary>Lets no frame be found by this id (UTF-8).</summary>
    public void ForgetId(ReadOnlySpan<byte> id) => _byId.GetAlternateLookup<ReadOnlySpan<byte>>().Remove(id);

    /// <summary>Finds the frame with this id (UTF-8) among those whose bytes are still there.</summary>
    public bool TryFind(ReadOnlySpan<byte> id, out FrameLocation location) =>
        _byId.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(id, out location)
            && location.Sequence > location.Segment.Log.ForgottenThrough;

    private Allowance AllowanceOf(ChannelLog log) => log.Allowance ??= allowances.Of(log.Name);

    // Its bytes stay until they are released.
    private Segment DropFirst(ChannelLog log)
    {
        var segment = log.First;
        log.DropFirst(LogIndex.CountDrop());
        AllowanceOf(log).Remove(segment);
        _bytes -= segment.Length;
        _count -= segment.Count;
        if (dropped is not null)
        {
            foreach (var frame in segment.Frames.Where(frame => FindCopy(frame, copy => !copy.IsDropped) is null))
                dropped(frame.Sequence, frame.Length);
        }

        if (log.IsEmpty)
            emptied(log);

        return segment;
    }

    private void Release(Segment segment)
    {
        foreach (var frame in segment.Frames)
        {
            var isFound = _byId.TryGetValue(frame, out var latest) && latest == frame;
            if (isFound)
                _byId.Remove(frame);

            // Another copy is found by the id now.
            var copy = FindCopy(frame, copy => !copy.IsGone && copy.Segment != segment);
            if (copy is not null && isFound)
                _byId.Add(copy.Value);

            if (copy is null && _copied.Count > 0)
                _copied.Remove(frame.Sequence);
        }

        segment.Release();
    }

    // The first copy that is such, of a frame that has several, this one included; null when there is none.
    private FrameLocation? FindCopy(FrameLocation frame, Predicate<FrameLocation> isSuch)
    {
        if (_copied.Count == 0 || !_copied.ContainsKey(frame.Sequence))
            return null;

        var cursor = LogIndex.After(frame.Sequence - 1);
        for (; cursor.TryPeek(out var copy) && copy.Sequence == frame.Sequence; cursor.Advance(1))
        {
            if (isSuch(copy))
                return copy;
        }

        return null;
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
