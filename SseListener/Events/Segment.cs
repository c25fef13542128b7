namespace SseListener.Events;

/// <summary>
/// A stretch of a channel's log, with frames back to back. Only <see cref="Log"/> and <see cref="DropNumber"/> are for any thread, besides
/// what every part has; the rest is for the hub's writer.
/// </summary>
internal sealed class Segment(ChannelLog log, int capacity) : ChainPart<byte>(capacity)
{
    // Of each frame, in order. In a quiet channel there may be only one.
    private List<long> _sequences = new(capacity: 1);
    private List<int> _ends = new(capacity: 1);
    private FrameStamp _first;

    public ChannelLog Log { get; } = log;
    public new Segment? Next => (Segment?)base.Next;

    /// <summary>When its last frame was published, in Unix milliseconds.</summary>
    public long LastTime { get; private set; }

    /// <summary>The number of its last frame; 0 when there is none.</summary>
    public long LastSequence => Count == 0 ? 0 : _sequences[^1];
    public int Count => _sequences.Count;

    /// <summary>Which of all drops was the one of this segment. Set once the bytes are dropped.</summary>
    public long DropNumber { get; private set; }

    public IEnumerable<FrameLocation> Frames => _sequences.Select((sequence, index) =>
        new FrameLocation(this, StartOf(index), _ends[index] - StartOf(index), sequence));

    /// <summary>Whether a frame is too far from the first one to be in the same segment.</summary>
    public bool IsTooFar(FrameStamp stamp, SegmentLimits limits) =>
        Count > 0 && (stamp.Time - _first.Time > limits.Time || stamp.Before - _first.Before > limits.Stretch);

    public bool TryAppend(ReadOnlySpan<byte> frame, FrameStamp stamp, out FrameLocation location)
    {
        location = new FrameLocation(this, Length, frame.Length, stamp.Sequence);
        if (!TryAppend(frame))
            return false;

        _first = Count == 0 ? stamp : _first;
        _sequences.Add(stamp.Sequence);
        _ends.Add(Length);
        LastTime = stamp.Time;
        return true;
    }

    /// <summary>A cursor at the first frame that has a higher number.</summary>
    public Cursor<byte> After(long sequence) => new(this, StartOf(CountThrough(sequence)));

    public int CountAfter(long sequence) => Count - CountThrough(sequence);

    public void Drop(long number)
    {
        DropNumber = number;
        _sequences = [];
        _ends = [];
        DropBuffer();
    }

    private int CountThrough(long sequence) => _sequences.BinarySearch(sequence) is var index && index < 0 ? ~index : index + 1;

    private int StartOf(int index) => index == 0 ? 0 : _ends[index - 1];
}

/// <summary>A frame's number, when it was published (Unix milliseconds), and the bytes of all frames, of all channels, before it.</summary>
internal readonly record struct FrameStamp(long Sequence, long Time, long Before);

/// <summary>What one segment may hold.</summary>
/// <param name="Smallest">Bytes of a channel's first segment.</param>
/// <param name="Largest">Bytes of its largest segment; a frame that is larger gets one of its own.</param>
/// <param name="Time">Longest time between a segment's first frame and its last, in milliseconds.</param>
/// <param name="Stretch">Most bytes, of frames of all channels, between a segment's first frame and its last.</param>
internal sealed record SegmentLimits(int Smallest, int Largest, long Time, long Stretch);
