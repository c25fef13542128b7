namespace SseListener.Events;

/// <summary>
/// One channel's events in order: a chain of segments that start small and grow, so that a quiet channel is cheap and a busy
/// one has few. The hub's writer alone appends and drops; cursors read on any thread.
/// </summary>
internal sealed class ChannelLog
{
    private const int SmallestSegment = 512;

    private readonly int _largestSegment;
    private Segment _first;
    private Segment _last;
    private long _length;

    /// <summary>An empty log.</summary>
    /// <param name="name">The channel's name.</param>
    /// <param name="largestSegment">Bytes of the largest segment; a frame that is larger gets one of its own.</param>
    public ChannelLog(string name, int largestSegment)
    {
        Name = name;
        _largestSegment = largestSegment;
        _first = _last = new Segment(this, Math.Min(SmallestSegment, largestSegment));
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

    /// <summary>Appends a frame; <paramref name="sealedSegment"/> is the segment that it was too large for, if any.</summary>
    public FramePosition Append(ReadOnlySpan<byte> frame, out Segment? sealedSegment)
    {
        Volatile.Write(ref _length, _length + frame.Length);
        sealedSegment = null;
        if (_last.TryAppend(frame, out var position))
        {
            return position;
        }

        sealedSegment = _last;
        _last = new Segment(this, Math.Max(frame.Length, Math.Min(sealedSegment.Capacity * 2, _largestSegment)));
        _last.TryAppend(frame, out position);
        sealedSegment.Link(_last);
        return position;
    }

    /// <summary>Drops the oldest segment, which must not be the one that is appended to.</summary>
    public void DropFirst()
    {
        var dropped = _first;
        _first = dropped.Next!;
        dropped.Drop();
    }
}
