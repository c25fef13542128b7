namespace SseListener.Events;

/// <summary>
/// A part of a log: an array that is filled from its beginning, with a link to the next part. The hub's writer alone appends, links and
/// drops. Any thread may read what is below <see cref="Length"/>, which never changes again.
/// </summary>
internal class ChainPart<T>(int capacity)
    where T : struct
{
    private T[]? _buffer = new T[capacity];
    private int _length;
    private ChainPart<T>? _next;

    /// <summary>The items; null once they have been dropped, however many cursors still stand in this part.</summary>
    public T[]? Buffer => Volatile.Read(ref _buffer);
    public int Length => Volatile.Read(ref _length);

    /// <summary>The part after this one. Once there is one, <see cref="Length"/> is final.</summary>
    public ChainPart<T>? Next => Volatile.Read(ref _next);
    public int Capacity => _buffer!.Length;

    public bool TryAppend(ReadOnlySpan<T> items)
    {
        if (items.Length > Capacity - _length)
            return false;

        items.CopyTo(_buffer.AsSpan(_length));
        Volatile.Write(ref _length, _length + items.Length);
        return true;
    }

    /// <summary>Makes a next part, which already has items, visible, and gives back an array that is mostly empty.</summary>
    public void Link(ChainPart<T> next)
    {
        if (_length < Capacity / 2)
            Volatile.Write(ref _buffer, _buffer.AsSpan(0, _length).ToArray());

        Volatile.Write(ref _next, next);
    }

    protected void DropBuffer() => Volatile.Write(ref _buffer, null);
}
