namespace SseListener.Events;

/// <summary>
/// A stretch of a channel's log: one array with frames back to back. The hub's writer alone appends and drops; any thread may
/// read what is below <see cref="Length"/>, which never changes again.
/// </summary>
internal sealed class Segment(ChannelLog log, int capacity, long framesBefore)
{
    private FrameMark[] _marks = [];
    private int _count;
    private byte[]? _buffer = capacity == 0 ? [] : new byte[capacity];
    private int _length;
    private Segment? _next;
    private FrameStamp _first;

    /// <summary>The log that this is a part of.</summary>
    public ChannelLog Log { get; } = log;

    /// <summary>
    /// The frames' bytes; null once the segment has been dropped from history. Dropping lets go of the bytes at once, however
    /// many cursors still stand in the segment.
    /// </summary>
    public byte[]? Buffer => Volatile.Read(ref _buffer);

    /// <summary>Bytes written so far.</summary>
    public int Length => Volatile.Read(ref _length);

    /// <summary>The segment after this one. Once there is one, <see cref="Length"/> is final.</summary>
    public Segment? Next => Volatile.Read(ref _next);

    /// <summary>Size of the array, in bytes. For the hub's writer only.</summary>
    public int Capacity => _buffer!.Length;

    /// <summary>When its first frame was published, in Unix milliseconds. For the hub's writer only.</summary>
    public long FirstTime => _first.Time;

    /// <summary>When its last frame was published, in Unix milliseconds. For the hub's writer only.</summary>
    public long LastTime { get; private set; }

    /// <summary>The number of its last frame; 0 when there is none. For the hub's writer only.</summary>
    public long LastSequence => _count == 0 ? 0 : _marks[_count - 1].Sequence;

    /// <summary>How many frames there are in it; of a dropped one 0. For the hub's writer only.</summary>
    public int Count => _count;

    /// <summary>How many frames the channel has had up to the end of this segment. For the hub's writer only.</summary>
    public long FramesThrough => framesBefore + _count;

    /// <summary>Where each frame lies. For the hub's writer only.</summary>
    public IEnumerable<FramePosition> Frames
    {
        get
        {
            for (var place = 0; place < _count; place++)
            {
                yield return new FramePosition(this, StartOf(place), _marks[place].End);
            }
        }
    }

    /// <summary>Whether a frame is too far from the first one to be in the same segment. For the hub's writer only.</summary>
    public bool IsOver(FrameStamp stamp, SegmentLimits limits) =>
        _count > 0 && (stamp.Time - _first.Time > limits.Time || stamp.Before - _first.Before > limits.Stretch);

    /// <summary>Appends a frame if it fits. For the hub's writer only.</summary>
    public bool TryAppend(ReadOnlySpan<byte> frame, FrameStamp stamp, out FramePosition position)
    {
        var start = _length;
        position = new FramePosition(this, start, start + frame.Length);
        if (frame.Length > Capacity - start)
        {
            return false;
        }

        frame.CopyTo(_buffer.AsSpan(start));
        _first = _count == 0 ? stamp : _first;
        LastTime = stamp.Time;
        if (_count == _marks.Length)
        {
            Array.Resize(ref _marks, Math.Max(1, _count * 2));
        }

        _marks[_count++] = new FrameMark(stamp.Sequence, position.End);
        Volatile.Write(ref _length, position.End);
        return true;
    }

    /// <summary>The number of one of its frames. For the hub's writer only.</summary>
    public long SequenceOf(FramePosition frame) => _marks[Find(mark => mark.End >= frame.End)].Sequence;

    /// <summary>A cursor at the first frame that has a higher number. For the hub's writer only.</summary>
    public Cursor After(long sequence) => new(this, StartOf(PlaceAfter(sequence)));

    /// <summary>How many frames the channel has had up to this number. For the hub's writer only.</summary>
    public long FramesUpTo(long sequence) => framesBefore + PlaceAfter(sequence);

    /// <summary>
    /// Makes <paramref name="next"/>, which already holds its first frame, visible, and gives back what is left of the array when it is
    /// most of it. For the hub's writer only.
    /// </summary>
    public void Link(Segment next)
    {
        if (_length < Capacity / 2)
        {
            Volatile.Write(ref _buffer, _buffer.AsSpan(0, _length).ToArray());
        }

        Volatile.Write(ref _next, next);
    }

    /// <summary>Which drop was the one of this segment; good once <see cref="Buffer"/> is null.</summary>
    public long DropNumber { get; private set; }

    /// <summary>Forgets the bytes. For the hub's writer only.</summary>
    /// <param name="number">How many segments have been dropped, this one included.</param>
    public void Drop(long number)
    {
        DropNumber = number;
        _count = 0;
        _marks = [];
        Volatile.Write(ref _buffer, null);
    }

    private int PlaceAfter(long sequence) => Find(mark => mark.Sequence > sequence);

    private int StartOf(int place) => place == 0 ? 0 : _marks[place - 1].End;

    // The first of the marks, which are in order, for which it holds; their number, if for none.
    private int Find(Predicate<FrameMark> holds)
    {
        var (low, high) = (0, _count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = holds(_marks[middle]) ? (low, middle) : (middle + 1, high);
        }

        return low;
    }

    private readonly record struct FrameMark(long Sequence, int End);
}

/// <summary>What one segment may hold.</summary>
/// <param name="Smallest">Bytes of a channel's first segment.</param>
/// <param name="Largest">Bytes of its largest segment; a frame that is larger gets one of its own.</param>
/// <param name="Time">Longest time between a segment's first frame and its last, in milliseconds.</param>
/// <param name="Stretch">Most bytes, of frames of all channels, between a segment's first frame and its last.</param>
internal sealed record SegmentLimits(int Smallest, int Largest, long Time, long Stretch);
