namespace SseListener.Events;

/// <summary>
/// One channel's events in order: a chain of segments that start small and grow, so that a quiet channel is cheap and a busy one has few.
/// For the hub's writer only; cursors read on any thread.
/// </summary>
internal sealed class ChannelLog : Topic
{
    private Segment _last;

    /// <summary>An empty log of a channel that may have had frames up to the number <paramref name="lastDropped"/>.</summary>
    public ChannelLog(string name, long lastDropped = 0)
        : base(name)
    {
        LastDropped = lastDropped;
        SilentNode = new LinkedListNode<ChannelLog>(this);
        First = _last = new Segment(this, capacity: 0);
    }

    /// <summary>Whether it counts as a channel that keeps something: it does, or is about to.</summary>
    public bool IsKeeping { get; set; }

    /// <summary>Its node in the list of channels that are silent and that nobody listens to.</summary>
    public LinkedListNode<ChannelLog> SilentNode { get; }

    /// <summary>The number of its last frame that is no longer kept.</summary>
    public long LastDropped { get; private set; }
    public bool IsEmpty => _last.Length == 0;
    public Segment First { get; private set; }

    /// <summary>A cursor at the first event with a higher number.</summary>
    public Cursor<byte> After(long sequence) => SegmentAfter(sequence).After(sequence);

    public long CountAfter(long sequence)
    {
        var first = SegmentAfter(sequence);
        long count = first.CountAfter(sequence);
        for (var segment = first.Next; segment is not null; segment = segment.Next)
            count += segment.Count;

        return count;
    }

    public FrameLocation Append(ReadOnlySpan<byte> frame, FrameStamp stamp, SegmentLimits limits)
    {
        var isTooFar = _last.IsTooFar(stamp, limits);
        if (!isTooFar && _last.TryAppend(frame, stamp, out var location))
            return location;

        // A segment that was filled is followed by one of twice its size. One that was closed for its age or stretch is followed by one of
        // the size that it reached.
        var previous = _last;
        var capacity = Math.Clamp(isTooFar ? previous.Length : previous.Capacity * 2, limits.Smallest, limits.Largest);
        _last = new Segment(this, Math.Max(frame.Length, capacity));
        _last.TryAppend(frame, stamp, out location);
        previous.Link(_last);

        // An empty one is no history; cursors that stand in it go on from there.
        First = previous.Length == 0 ? _last : First;
        return location;
    }

    /// <summary>Drops the oldest segment, as the drop with this number; an empty one replaces the only one.</summary>
    public void DropFirst(long number)
    {
        var dropped = First;
        if (dropped.Next is null)
        {
            _last = new Segment(this, capacity: 0);
            dropped.Link(_last);
        }

        First = dropped.Next!;
        LastDropped = Math.Max(LastDropped, dropped.LastSequence);
        dropped.Drop(number);
    }

    private Segment SegmentAfter(long sequence)
    {
        // Most clients have missed nothing.
        var segment = _last.LastSequence <= sequence ? _last : First;
        while (segment.LastSequence <= sequence && segment.Next is { } next)
            segment = next;

        return segment;
    }
}
