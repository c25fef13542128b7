namespace SseListener.Events;

/// <summary>What reading from a cursor found.</summary>
internal enum CursorState
{
    /// <summary>Everything appended so far has been read.</summary>
    CaughtUp,

    /// <summary>There is a slice, and it is all there is.</summary>
    Slice,

    /// <summary>There is a slice, and more behind it.</summary>
    SliceAndMore,

    /// <summary>What comes next has been dropped from history.</summary>
    Lapped,
}

/// <summary>
/// A reader's place in a channel's log. Where it starts decides what a client gets: the end for live events only, behind a
/// known event for what was missed since, the beginning for everything kept. Reading on is the same in all cases.
/// </summary>
internal struct Cursor(Segment segment, int offset)
{
    private Segment _segment = segment;
    private int _offset = offset;

    /// <summary>Whether the bytes before or behind the cursor have been dropped; to be asked while those before it are being written.</summary>
    public readonly bool IsLapped => _segment.Buffer is null;

    /// <summary>Whether another one stands at the same place.</summary>
    public readonly bool IsAt(in Cursor other) => _segment == other._segment && _offset == other._offset;

    /// <summary>
    /// Finds the next bytes, at most <paramref name="limit"/> of them and not across segments. They stay next until
    /// <see cref="Advance"/>.
    /// </summary>
    public CursorState Read(int limit, out ArraySegment<byte> slice)
    {
        slice = default;
        while (true)
        {
            // Next before Length: a segment that has a successor has its final length, so nothing appended between the two
            // reads is passed over.
            var next = _segment.Next;
            var length = _segment.Length;
            if (_offset < length)
            {
                if (_segment.Buffer is not { } buffer)
                {
                    return CursorState.Lapped;
                }

                var count = Math.Min(limit, length - _offset);
                slice = new ArraySegment<byte>(buffer, _offset, count);
                return next is not null || _offset + count < length ? CursorState.SliceAndMore : CursorState.Slice;
            }

            if (next is null)
            {
                return CursorState.CaughtUp;
            }

            _segment = next;
            _offset = 0;
        }
    }

    /// <summary>Moves on by <paramref name="count"/> bytes of the slice that was read; a negative number gives some of them back.</summary>
    public void Advance(int count) => _offset += count;
}
