namespace SseListener.Events;

/// <summary>
/// What is sent at once: whole frames, or a piece of one that is longer than a slice. Either a lane fills it from a cursor
/// (<see cref="Fill"/>), once for all clients whose cursors are equal, or it is written to between <see cref="Begin"/> and
/// <see cref="End"/>. For the lane's thread.
/// </summary>
internal sealed class Slice : IBufferWriter<byte>
{
    /// <summary>Bytes of a slice: few enough for a slow line within the write timeout, and enough for a burst to cost few sends.</summary>
    public const int Longest = 64 * 1024;

    /// <summary>Bytes that are left free before and behind the frames, for what a transport puts around them.</summary>
    public const int Margin = 16;

    private static readonly byte[] _end = "\n\n"u8.ToArray();

    // Where the bytes lie in the log. What a client does not take at once is sent from there, so that a stalled client holds no copy.
    private readonly List<ArraySegment<byte>> _parts = [];
    private byte[] _buffer = new byte[Margin + Longest + Margin];
    private Cursor<byte> _start;
    private Cursor<byte> _next;
    private CursorState _state;

    public int Length { get; private set; }

    /// <summary>How many frames end in it.</summary>
    public int Frames { get; private set; }

    /// <summary>Whether it ends with a whole frame.</summary>
    public bool EndsFrame { get; private set; } = true;

    /// <summary>A slice of its own for bytes that never change.</summary>
    public static Slice Of(byte[] bytes)
    {
        var slice = new Slice();
        slice.AddPart(bytes);
        slice.End();
        return slice;
    }

    public Span<byte> Bytes => Around(0, 0);

    /// <summary>The bytes, and with them a number of bytes of each margin.</summary>
    public Span<byte> Around(int before, int behind) => _buffer.AsSpan(Margin - before, before + Length + behind);

    /// <summary>
    /// What is behind the first <paramref name="count"/> bytes. It outlives the slice, and is copied only where it is not the log's own.
    /// </summary>
    public List<ArraySegment<byte>> Behind(int count)
    {
        if (_parts.Count == 0)
            return [Bytes[count..].ToArray()];

        var pieces = new List<ArraySegment<byte>>();
        foreach (var part in _parts)
        {
            var skipped = Math.Min(count, part.Count);
            count -= skipped;
            if (skipped < part.Count)
                pieces.Add(part[skipped..]);
        }

        return pieces;
    }

    /// <summary>Fills it with what comes behind a cursor, unless it has that already, and moves the cursor on.</summary>
    public CursorState Fill(ref Cursor<byte> cursor)
    {
        if (!_start.IsAt(cursor))
            Gather(cursor);

        cursor = _next;
        return _state;
    }

    /// <summary>Prepares it for a sweep or a turn. A slice that ended before the end of the log stays good.</summary>
    public void Renew()
    {
        if (_state is not CursorState.SliceAndMore)
            Forget();
    }

    /// <summary>Lets go of the log: a cursor keeps all later segments in memory.</summary>
    public void Forget()
    {
        _start = _next = default;
        _parts.Clear();
    }

    public void Begin()
    {
        Forget();
        Length = 0;
    }

    public void End()
    {
        var bytes = Bytes;
        Frames = bytes.Count(_end);
        EndsFrame = bytes.IsEmpty || bytes.EndsWith(_end);
    }

    public void Advance(int count) => Length += count;

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        // An envelope may be longer than a slice, by what is escaped in it.
        var needed = Margin + Length + Math.Max(1, sizeHint) + Margin;
        if (needed > _buffer.Length)
            Array.Resize(ref _buffer, Math.Max(needed, 2 * _buffer.Length));

        return _buffer.AsMemory((Margin + Length)..^Margin);
    }

    public Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

    private void Gather(Cursor<byte> cursor)
    {
        Begin();
        _start = cursor;
        do
        {
            _state = cursor.Read(Longest - Length, out var part);
            AddPart(part);
            cursor.Advance(part.Count);
        }
        while (_state is CursorState.SliceAndMore && Length < Longest);

        if (Length > 0)
        {
            // Also when something was dropped: what was gathered before is good, and the next turn finds out.
            _state = _state is CursorState.CaughtUp or CursorState.Slice ? CursorState.Slice : CursorState.SliceAndMore;
        }

        cursor.Advance(-CutToFrames());
        End();
        _next = cursor;
    }

    // Whole frames, so that no chunk ends within one that fits into it. Only the last part can end within a frame.
    private int CutToFrames()
    {
        var bytes = Bytes;
        if (Length < Longest || bytes.EndsWith(_end))
            return 0;

        // The two line feeds at the end of a long frame stay together, because frames are counted by them.
        var end = bytes.LastIndexOf(_end);
        var cut = end >= 0 ? Length - end - _end.Length : bytes[^1] == _end[0] ? 1 : 0;
        Length -= cut;
        _parts[^1] = _parts[^1][..^cut];
        return cut;
    }

    private void AddPart(ArraySegment<byte> part)
    {
        if (part.Count > 0)
        {
            part.AsSpan().CopyTo(GetSpan(part.Count));
            Length += part.Count;
            _parts.Add(part);
        }
    }
}
