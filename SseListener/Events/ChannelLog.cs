namespace SseListener.Events;

/// <summary>
/// One channel's events in order: a chain of segments that start small and grow, so that a quiet channel is cheap and a busy
/// one has few. The hub's writer alone appends and drops; cursors read on any thread.
/// </summary>
internal sealed class ChannelLog
{
    private const int SmallestSegment = 512;

    private readonly int _largestSegment;
    private readonly long _longestSegment;
    private Segment _first;
    private Segment _last;
    private long _length;

    /// <summary>An empty log.</summary>
    /// <param name="name">The channel's name.</param>
    /// <param name="largestSegment">Bytes of the largest segment; a frame that is larger gets one of its own.</param>
    /// <param name="longestSegment">Longest time between a segment's first frame and its last.</param>
    public ChannelLog(string name, int largestSegment, TimeSpan longestSegment)
    {
        Name = name;
        _largestSegment = largestSegment;
        _longestSegment = (long)longestSegment.TotalMilliseconds;
        _first = _last = Smallest();
    }

    /// <summary>The channel's name.</summary>
    public string Name { get; }

    /// <summary>Bytes appended so far, those included that are no longer kept.</summary>
    public long Length => Volatile.Read(ref _length);

    /// <summary>Clients that listen to the channel. For the hub's writer only.</summary>
    public int Audience { get; set; }

    /// <summary>A cursor at the oldest event kept. For the hub's writer only.</summary>
    public Cursor Beginning => new(_first, 0);

    /// <summary>A cursor behind the newest event. For the hub's writer only.</summary>
    public Cursor End => new(_last, _last.Length);

    /// <summary>The oldest segment. For the hub's writer only.</summary>
    public Segment First => _first;

    /// <summary>Appends a frame.</summary>
    /// <param name="frame">Its bytes.</param>
    /// <param name="time">When, in Unix milliseconds.</param>
    /// <param name="sealedSegment">The segment that it was too large or too late for, if any.</param>
    public FramePosition Append(ReadOnlySpan<byte> frame, long time, out Segment? sealedSegment)
    {
        Volatile.Write(ref _length, _length + frame.Length);
        sealedSegment = null;
        var isTooLate = _last.Length > 0 && time - _last.FirstAppend > _longestSegment;
        if (!isTooLate && _last.TryAppend(frame, time, out var position))
        {
            return position;
        }

        sealedSegment = _last;
        _last = new Segment(this, Math.Max(frame.Length, Math.Min(sealedSegment.Capacity * 2, _largestSegment)));
        _last.TryAppend(frame, time, out position);
        sealedSegment.Link(_last);
        return position;
    }

    /// <summary>Drops the oldest segment; an empty one takes its place when there is no other.</summary>
    public void DropFirst()
    {
        var dropped = _first;
        if (dropped.Next is null)
        {
            _last = Smallest();
            dropped.Link(_last);
        }

        _first = dropped.Next!;
        dropped.Drop();
    }

    private Segment Smallest() => new(this, Math.Min(SmallestSegment, _largestSegment));
}
