namespace SseListener.Events;

/// <summary>
/// One channel's events in order: a chain of segments that start small and grow, so that a quiet channel is cheap and a busy
/// one has few. The hub's writer alone appends and drops; cursors read on any thread.
/// </summary>
internal sealed class ChannelLog : Topic
{
    private Segment _first;
    private Segment _last;

    /// <summary>An empty log.</summary>
    /// <param name="name">The channel's name.</param>
    /// <param name="lastDropped">The number up to which it may have had frames before.</param>
    public ChannelLog(string name, long lastDropped = 0)
        : base(name)
    {
        LastDropped = lastDropped;
        Silence = new LinkedListNode<ChannelLog>(this);
        _first = _last = new Segment(this, capacity: 0, framesBefore: 0);
    }

    /// <summary>Whether it counts as a channel that keeps something: it does, or is about to. For the hub's writer only.</summary>
    public bool HasPlace { get; set; }

    /// <summary>Its place among the channels that are silent and that nobody listens to. For the hub's writer only.</summary>
    public LinkedListNode<ChannelLog> Silence { get; }

    /// <summary>The number of its last frame that is no longer kept. For the hub's writer only.</summary>
    public long LastDropped { get; private set; }

    /// <summary>Whether nothing is kept. For the hub's writer only.</summary>
    public bool IsEmpty => _last.Length == 0;

    /// <summary>A cursor behind the newest event. For the hub's writer only.</summary>
    public Cursor End => new(_last, _last.Length);

    /// <summary>The oldest segment. For the hub's writer only.</summary>
    public Segment First => _first;

    /// <summary>A cursor at the first event with a higher number. For the hub's writer only.</summary>
    public Cursor After(long sequence) => SegmentAfter(sequence).After(sequence);

    /// <summary>How many events with a higher number are kept. For the hub's writer only.</summary>
    public long CountAfter(long sequence) => _last.FramesThrough - SegmentAfter(sequence).FramesUpTo(sequence);

    /// <summary>Appends a frame.</summary>
    /// <param name="frame">Its bytes.</param>
    /// <param name="stamp">Where it comes among all frames.</param>
    /// <param name="limits">What a segment may hold.</param>
    public FramePosition Append(ReadOnlySpan<byte> frame, FrameStamp stamp, SegmentLimits limits)
    {
        var isOver = _last.IsOver(stamp, limits);
        if (!isOver && _last.TryAppend(frame, stamp, out var position))
        {
            return position;
        }

        // Twice as large as one that was filled; no larger than one that was not.
        var full = _last;
        var capacity = Math.Clamp(isOver ? full.Length : full.Capacity * 2, limits.Smallest, limits.Largest);
        _last = new Segment(this, Math.Max(frame.Length, capacity), full.FramesThrough);
        _last.TryAppend(frame, stamp, out position);
        full.Link(_last);

        // One that never held anything is no history; cursors that stand in it go on from there.
        _first = full.Length == 0 ? _last : _first;
        return position;
    }

    /// <summary>Drops the oldest segment; an empty one takes its place when there is no other.</summary>
    /// <param name="number">How many segments of all channels have been dropped, this one included.</param>
    public void DropFirst(long number)
    {
        var dropped = _first;
        if (dropped.Next is null)
        {
            _last = new Segment(this, capacity: 0, dropped.FramesThrough);
            dropped.Link(_last);
        }

        _first = dropped.Next!;
        LastDropped = Math.Max(LastDropped, dropped.LastSequence);
        dropped.Drop(number);
    }

    private Segment SegmentAfter(long sequence)
    {
        var segment = _first;
        while (segment.LastSequence <= sequence && segment.Next is { } next)
        {
            segment = next;
        }

        return segment;
    }
}
