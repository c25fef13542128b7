namespace SseListener.Events;

/// <summary>
/// What is sent at once: whole frames, or a piece of one that is longer than a slice. A lane fills it from a cursor, once for all clients
/// whose cursors are equal, or it is written to between <see cref="Begin"/> and <see cref="End"/>. For the lane's thread.
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
    public Span<byte> Bytes => Around(0, 0);
    public int Frames { get; private set; }
    public bool EndsFrame { get; private set; } = true;

    /// <summary>A slice of its own for bytes that never change.</summary>
    public static Slice Of(byte[] bytes)
    {
        var slice = new Slice();
        slice.Write(bytes);
        slice.End();
        return slice;
    }

    /// <summary>The bytes, and with them a number of bytes of each margin.</summary>
    public Span<byte> Around(int before, int behind) => _buffer.AsSpan(Margin - before, before + Length + behind);

    /// <summary>The bytes as they may outlive the slice, in pieces of at least one: copied only where they are not the log's own.</summary>
    public List<ArraySegment<byte>> ToPieces() => _parts.Count == 0 ? [Bytes.ToArray()] : [.. _parts.Where(part => part.Count > 0)];

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
            Clear();
    }

    /// <summary>Lets go of the log: a cursor keeps all later segments in memory.</summary>
    public void Clear()
    {
        _start = _next = default;
        _parts.Clear();
    }

    /// <summary>Empties it, so that it can be written to.</summary>
    public void Begin()
    {
        Clear();
        Length = 0;
    }

    /// <summary>Counts the frames in it, once it has been written.</summary>
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
            this.Write(part);
            _parts.Add(part);
            cursor.Advance(part.Count);
        }
        while (_state is CursorState.SliceAndMore && Length < Longest);

        // Also when something was dropped: what was gathered before is good, and the next turn finds out.
        if (Length > 0)
            _state = _state is CursorState.CaughtUp or CursorState.Slice ? CursorState.Slice : CursorState.SliceAndMore;

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
}
