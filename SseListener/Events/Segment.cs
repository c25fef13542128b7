namespace SseListener.Events;

/// <summary>
/// A stretch of a channel's log: one array with frames back to back. The hub's writer alone appends and drops; any thread may
/// read what is below <see cref="Length"/>, which never changes again.
/// </summary>
internal sealed class Segment(ChannelLog log, int capacity)
{
    private readonly List<FramePosition> _frames = [];
    private byte[]? _buffer = new byte[capacity];
    private int _length;
    private Segment? _next;

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

    /// <summary>Size of the array, in bytes.</summary>
    public int Capacity { get; } = capacity;

    /// <summary>When the first frame was appended, in Unix milliseconds. For the hub's writer only.</summary>
    public long FirstAppend { get; private set; }

    /// <summary>When the last frame was appended, in Unix milliseconds. For the hub's writer only.</summary>
    public long LastAppend { get; private set; }

    /// <summary>Where each frame lies. For the hub's writer only.</summary>
    public IReadOnlyList<FramePosition> Frames => _frames;

    /// <summary>Appends a frame if it fits. For the hub's writer only.</summary>
    public bool TryAppend(ReadOnlySpan<byte> frame, long time, out FramePosition position)
    {
        var start = _length;
        position = new FramePosition(this, start, start + frame.Length);
        if (frame.Length > Capacity - start)
        {
            return false;
        }

        frame.CopyTo(_buffer.AsSpan(start));
        FirstAppend = _frames.Count == 0 ? time : FirstAppend;
        LastAppend = time;
        _frames.Add(position);
        Volatile.Write(ref _length, position.End);
        return true;
    }

    /// <summary>Makes <paramref name="next"/>, which already holds its first frame, visible. For the hub's writer only.</summary>
    public void Link(Segment next) => Volatile.Write(ref _next, next);

    /// <summary>Forgets the bytes. For the hub's writer only.</summary>
    public void Drop()
    {
        _frames.Clear();
        Volatile.Write(ref _buffer, null);
    }
}
