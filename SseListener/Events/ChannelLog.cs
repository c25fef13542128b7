namespace SseListener.Events;

/// <summary>One channel's events: a chain of segments that grow, so that a quiet one is cheap. For the hub's writer, and cursors.</summary>
internal sealed class ChannelLog : Topic
{
    private Segment _last;

    /// <summary>An empty log of a channel that may have had frames up to the number <paramref name="lastDropped"/>.</summary>
    public ChannelLog(string name, long lastDropped = 0) : base(name)
    {
        LastDropped = InheritedDropped = lastDropped;
        SilentNode = new LinkedListNode<ChannelLog>(this);
        First = _last = new Segment(this, capacity: 0);
    }

    /// <summary>Whether it counts as a channel that keeps something: it does, or is about to.</summary>
    public bool IsKeeping { get; set; }

    /// <summary>The number of the frame that ended it; 0 while it goes on.</summary>
    public long EndedAt { get; private set; }
    public bool IsEnded => EndedAt > 0;

    /// <summary>What may be kept of it and of the channels beside it; known once it is in a table, or has a frame.</summary>
    public Allowance? Allowance { get; set; }

    /// <summary>The number up to which its frames are as if they had never been.</summary>
    public long ForgottenThrough { get; set; }

    /// <summary>The last batch that was to have a frame of it (<see cref="FrameBatch.Number"/>).</summary>
    public long LastBatch { get; set; }

    /// <summary>Its node in the list of channels that are silent and that nobody listens to.</summary>
    public LinkedListNode<ChannelLog> SilentNode { get; }

    /// <summary>The number of its last frame that is no longer kept.</summary>
    public long LastDropped { get; private set; }

    /// <summary>The number up to which frames may have been of a forgotten channel of the same name.</summary>
    public long InheritedDropped { get; }

    /// <summary>Whether it is no longer in the table: there may be another one of its name.</summary>
    public bool HasLeftTable { get; set; }
    public Segment First { get; private set; }

    public bool IsEmpty => _last.Length == 0;

    /// <summary>The number of its last frame; 0 when none is kept.</summary>
    public long LastSequence => _last.LastSequence;

    /// <summary>How many frames are kept of it, and their bytes.</summary>
    public (long Events, long Bytes) Kept =>
        (_last.Before.Events + _last.Count - First.Before.Events, _last.Before.Bytes + _last.Length - First.Before.Bytes);

    public Cursor<byte> After(long sequence) => SegmentAfter(sequence).After(sequence);

    public long CountAfter(long sequence)
    {
        var segment = SegmentAfter(sequence);
        return _last.Before.Events + _last.Count - segment.Before.Events - segment.CountThrough(sequence);
    }

    /// <summary>The number of the last frame before those that are kept and to which one rewinds.</summary>
    /// <param name="rewind">How far; the frame of an end comes beside.</param>
    /// <param name="now">In Unix milliseconds.</param>
    public long PlaceBefore(Rewind rewind, long now)
    {
        var remaining = Kept.Events - (IsEnded ? 1 : 0);
        var oldest = rewind.Age == TimeSpan.MaxValue ? long.MinValue : now - (long)rewind.Age.TotalMilliseconds;
        for (var segment = First; segment is not null; remaining -= segment.Count, segment = segment.Next)
        {
            var skipped = Math.Max(segment.CountBefore(oldest), (int)Math.Clamp(remaining - rewind.Events, 0, segment.Count));
            if (skipped < segment.Count)
                return segment.PlaceBefore(skipped);
        }

        return LastSequence;
    }

    public FrameLocation Append(ReadOnlySpan<byte> frame, FrameStamp stamp, SegmentLimits limits)
    {
        var isTooFar = _last.IsTooFar(stamp, limits);
        if (!isTooFar && _last.TryAppend(frame, stamp, out var location))
            return location;

        // A full segment is followed by one of twice its size, and one that was closed for its age or stretch by one of what it reached.
        var previous = _last;
        var capacity = Math.Clamp(isTooFar ? previous.Length : previous.Capacity * 2, limits.Smallest, limits.Largest);
        _last = new Segment(this, Math.Max(frame.Length, capacity), previous);
        _last.TryAppend(frame, stamp, out location);
        previous.Link(_last);

        // An empty one is no history; cursors that stand in it go on from there.
        First = previous.Length == 0 ? _last : First;
        return location;
    }

    /// <summary>
    /// Drops the oldest segment, as drop <paramref name="dropNumber"/>, and leaves its bytes until <see cref="Segment.Release"/>. The only
    /// one is replaced by an empty one.
    /// </summary>
    public void DropFirst(long dropNumber)
    {
        var dropped = First;
        if (dropped.Next is null)
        {
            _last = new Segment(this, capacity: 0, dropped);
            dropped.Link(_last);
        }

        First = dropped.Next!;
        LastDropped = Math.Max(LastDropped, dropped.LastSequence);
        dropped.DropNumber = dropNumber;
    }

    /// <summary>Ends it with the frame of this number, or begins it anew, with 0.</summary>
    public void End(long sequence)
    {
        EndedAt = sequence;
        IsOver &= sequence > 0;
    }

    /// <summary>Counts frames up to this number as no longer kept.</summary>
    public void CountDropped(long sequence) => LastDropped = Math.Max(LastDropped, sequence);

    private Segment SegmentAfter(long sequence)
    {
        // Most clients have missed nothing.
        var segment = _last.LastSequence <= sequence ? _last : First;
        while (segment.LastSequence <= sequence && segment.Next is { } next)
            segment = next;

        return segment;
    }
}

/// <summary>A stretch of a channel's log. For the hub's writer, except <see cref="Log"/>, <see cref="DropNumber"/> and the bytes.</summary>
internal sealed class Segment(ChannelLog log, int capacity, Segment? previous = null) : ChainPart<byte>(capacity)
{
    private List<FrameMark> _frames = new(capacity: 1); // In a quiet channel there may be only one.
    private FrameStamp _first;

    public ChannelLog Log { get; } = log;

    /// <summary>How many frames, and bytes of them, the log has had before it.</summary>
    public (long Events, long Bytes) Before { get; } =
        previous is null ? default : (previous.Before.Events + previous.Count, previous.Before.Bytes + previous.Length);

    public new Segment? Next => (Segment?)base.Next;

    /// <summary>When its last frame was published, in Unix milliseconds.</summary>
    public long LastTime { get; private set; }

    /// <summary>The number of its last frame; 0 when there is none.</summary>
    public long LastSequence => Count == 0 ? 0 : _frames[^1].Sequence;
    public int Count => _frames.Count;

    /// <summary>Which drop took this segment out of history; no number is higher while it is kept. Set before its bytes go.</summary>
    public long DropNumber
    {
        get => Volatile.Read(ref field);
        set => Volatile.Write(ref field, value);
    }
        = long.MaxValue;

    public bool IsDropped => DropNumber < long.MaxValue;

    public IEnumerable<FrameLocation> Frames => _frames.Select((frame, index) =>
        new FrameLocation(this, StartOf(index), frame.End - StartOf(index), frame.Sequence));

    /// <summary>Whether a frame is too far from the first one to be in the same segment.</summary>
    public bool IsTooFar(FrameStamp stamp, SegmentLimits limits) =>
        Count > 0 && (stamp.Time - _first.Time > limits.Time || stamp.Before - _first.Before > limits.Stretch || Count >= limits.Frames);

    public bool TryAppend(ReadOnlySpan<byte> frame, FrameStamp stamp, out FrameLocation location)
    {
        location = new FrameLocation(this, Length, frame.Length, stamp.Sequence);
        if (!TryAppend(frame))
            return false;

        _first = Count == 0 ? stamp : _first;
        _frames.Add(new FrameMark(stamp.Sequence, Length, (int)(stamp.Time - _first.Time)));
        LastTime = stamp.Time;
        return true;
    }

    public Cursor<byte> After(long sequence) => new(this, StartOf(CountThrough(sequence)));

    /// <summary>How many of its frames have numbers up to this one.</summary>
    public int CountThrough(long sequence) => CountWhile(frame => frame.Sequence <= sequence);

    /// <summary>How many frames were published before a time, in Unix milliseconds.</summary>
    public int CountBefore(long time) => CountWhile(frame => _first.Time + frame.Delay < time);

    /// <summary>The number of the frame before the one with this index.</summary>
    public long PlaceBefore(int index) => index == 0 ? _frames[0].Sequence - 1 : _frames[index - 1].Sequence;

    /// <summary>Gives the bytes of a dropped segment back.</summary>
    public void Release()
    {
        _frames = [];
        ReleaseBuffer();
    }

    private int StartOf(int index) => index == 0 ? 0 : _frames[index - 1].End;

    // How many of the first frames have what only first ones have.
    private int CountWhile(Predicate<FrameMark> isFirst)
    {
        var (low, high) = (0, Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (isFirst(_frames[middle]))
                low = middle + 1;
            else
                high = middle;
        }

        return low;
    }

    // A frame's number, where its bytes end, and how many milliseconds after the segment's first one it was published.
    private readonly record struct FrameMark(long Sequence, int End, int Delay);
}

/// <summary>A frame's number, when it was published (Unix milliseconds), and the bytes of all frames of its allowance before it.</summary>
internal readonly record struct FrameStamp(long Sequence, long Time, long Before);

/// <summary>Bytes of the smallest and the largest segment, and the milliseconds and bytes of all its channels that one may span.</summary>
internal sealed record SegmentLimits(int Smallest, int Largest, long Time, long Stretch)
{
    /// <summary>Most frames of a segment.</summary>
    public int Frames { get; init; } = int.MaxValue;
}
