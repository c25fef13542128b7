namespace SseListener.Events;

/// <summary>
/// Frames of any channels in the order of their numbers: not their bytes, only where they lie. A chain of parts that nobody holds
/// but the cursors in them, so that what all have read is gone. The hub's writer alone appends; cursors read on any thread.
/// </summary>
internal sealed class FrameIndex
{
    private const int SmallestPart = 4;
    private const int LargestPart = 1024;

    private FrameIndexPart _last = new(SmallestPart);

    /// <summary>A cursor behind the newest frame. For the hub's writer only.</summary>
    public FrameIndexCursor End => new(_last, _last.Count);

    /// <summary>The part that is being filled. For the hub's writer only.</summary>
    public FrameIndexPart Last => _last;

    /// <summary>Appends a frame.</summary>
    public void Append(NumberedFrame frame)
    {
        if (_last.TryAppend(frame))
        {
            return;
        }

        var next = new FrameIndexPart(Math.Min(_last.Count * 2, LargestPart));
        next.TryAppend(frame);
        _last.Link(next);
        _last = next;
    }
}

/// <summary>A stretch of a trail.</summary>
internal sealed class FrameIndexPart(int capacity)
{
    private readonly NumberedFrame[] _frames = new NumberedFrame[capacity];
    private int _count;
    private FrameIndexPart? _next;

    /// <summary>How many frames there are in it.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>The part behind it. Once there is one, <see cref="Count"/> is final.</summary>
    public FrameIndexPart? Next => Volatile.Read(ref _next);

    /// <summary>One of its frames.</summary>
    public ref readonly NumberedFrame this[int place] => ref _frames[place];

    /// <summary>Appends a frame if there is room.</summary>
    public bool TryAppend(NumberedFrame frame)
    {
        if (_count == _frames.Length)
        {
            return false;
        }

        _frames[_count] = frame;
        Volatile.Write(ref _count, _count + 1);
        return true;
    }

    /// <summary>Makes <paramref name="next"/>, which already holds its first frame, visible.</summary>
    public void Link(FrameIndexPart next) => Volatile.Write(ref _next, next);
}

/// <summary>A reader's place in a trail.</summary>
internal struct FrameIndexCursor(FrameIndexPart part, int place)
{
    private FrameIndexPart _part = part;
    private int _place = place;

    /// <summary>The next frame, if there is one yet.</summary>
    public bool TryPeek(out NumberedFrame frame)
    {
        while (true)
        {
            // Next before Count: a part that has a successor is full.
            var next = _part.Next;
            if (_place < _part.Count)
            {
                frame = _part[_place];
                return true;
            }

            if (next is null)
            {
                frame = default;
                return false;
            }

            _part = next;
            _place = 0;
        }
    }

    /// <summary>Moves on by the frame that was seen.</summary>
    public void MoveNext() => _place++;
}
