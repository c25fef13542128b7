namespace SseListener.Events;

/// <summary>
/// Where frames of any channels lie, in the order of their numbers. Only cursors hold its older parts, so what all have read is gone. The
/// hub's writer alone appends; cursors read on any thread.
/// </summary>
internal sealed class FrameIndex
{
    private const int SmallestPart = 4;
    private const int LargestPart = 1024;

    private ChainPart<FrameLocation> _last = new(SmallestPart);

    public Cursor<FrameLocation> End => new(_last, _last.Length);

    public void Append(FrameLocation frame)
    {
        if (_last.TryAppend([frame]))
            return;

        var next = new ChainPart<FrameLocation>(Math.Min(_last.Length * 2, LargestPart));
        next.TryAppend([frame]);
        _last.Link(next);
        _last = next;
    }
}
