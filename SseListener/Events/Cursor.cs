namespace SseListener.Events;

/// <summary>What a cursor finds: nothing new, a slice that is all there is, one with more behind it, or that the next are gone.</summary>
internal enum CursorState { CaughtUp, Slice, SliceAndMore, Lapped }

/// <summary>Where a reader stands: at the end for what is new, behind an event for what was missed, at the beginning for all.</summary>
internal struct Cursor<T>(ChainPart<T> part, int offset) where T : struct
{
    private int _offset = offset;

    public ChainPart<T> Part { readonly get; private set; } = part;
    public readonly bool IsAt(in Cursor<T> other) => Part == other.Part && _offset == other._offset;

    /// <summary>Finds the next items, at most so many and all of one part. They stay next until <see cref="Advance"/>.</summary>
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

/// <summary>A part of a log: an array with a link to the next. Only the hub's writer changes it; any thread reads below Length.</summary>
internal class ChainPart<T>(int capacity) where T : struct
{
    private T[]? _buffer = new T[capacity];
    private int _length;
    private ChainPart<T>? _next;

    /// <summary>The items; null once they have been released, however many cursors still stand in this part.</summary>
    public T[]? Buffer => Volatile.Read(ref _buffer);
    public int Length => Volatile.Read(ref _length);
    public int Capacity => _buffer!.Length;

    /// <summary>The part after this one. Once there is one, <see cref="Length"/> is final.</summary>
    public ChainPart<T>? Next => Volatile.Read(ref _next);

    public bool TryAppend(ReadOnlySpan<T> items)
    {
        if (items.Length > Capacity - _length)
            return false;

        items.CopyTo(_buffer.AsSpan(_length));
        Volatile.Write(ref _length, _length + items.Length);
        return true;
    }

    /// <summary>Makes a next part visible, with the items that it has, and shrinks this part's array when it is mostly empty.</summary>
    public void Link(ChainPart<T> next)
    {
        if (_length < Capacity / 2)
            Volatile.Write(ref _buffer, _buffer.AsSpan(0, _length).ToArray());

        Volatile.Write(ref _next, next);
    }

    protected void ReleaseBuffer() => Volatile.Write(ref _buffer, null);
}
