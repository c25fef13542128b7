namespace SseListener.Events;

/// <summary>
/// What reading from a cursor found: nothing new, a slice that is all there is, a slice with more behind it, or that what comes next has
/// been dropped from history.
/// </summary>
internal enum CursorState
{
    CaughtUp,
    Slice,
    SliceAndMore,
    Lapped,
}

/// <summary>
/// Where a reader stands in a log. Where it starts decides what a client gets: the end for live events only, behind a known event for what
/// was missed since, the beginning for everything kept. Reading on is the same in all cases.
/// </summary>
internal struct Cursor<T>(ChainPart<T> part, int offset)
    where T : struct
{
    private int _offset = offset;

    public ChainPart<T> Part { readonly get; private set; } = part;

    public readonly bool IsLapped => Part.Buffer is null;
    public readonly bool IsAt(in Cursor<T> other) => Part == other.Part && _offset == other._offset;

    /// <summary>
    /// Finds the next items, at most <paramref name="limit"/> of them and all of one part. They stay next until <see cref="Advance"/>.
    /// </summary>
    public CursorState Read(int limit, out ArraySegment<T> slice)
    {
        slice = default;
        while (true)
        {
            // Next before Length: a part with a successor has its final length, so nothing that is appended between the reads is skipped.
            var next = Part.Next;
            var length = Part.Length;
            if (_offset < length)
            {
                if (Part.Buffer is not { } buffer)
                    return CursorState.Lapped;

                var count = Math.Min(limit, length - _offset);
                slice = new ArraySegment<T>(buffer, _offset, count);
                return next is not null || _offset + count < length ? CursorState.SliceAndMore : CursorState.Slice;
            }

            if (next is null)
                return CursorState.CaughtUp;

            Part = next;
            _offset = 0;
        }
    }

    public bool TryPeek(out T item)
    {
        Read(1, out var slice);
        item = slice.Count > 0 ? slice[0] : default;
        return slice.Count > 0;
    }

    /// <summary>Moves on by <paramref name="count"/> items of the slice that was read; a negative number gives some of them back.</summary>
    public void Advance(int count) => _offset += count;
}
