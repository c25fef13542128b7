namespace SseListener.Events;

/// <summary>Where frames lie, in order, for the hub's writer. Only cursors refer to older parts: what all have left is collected.</summary>
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

/// <summary>Where one frame lies in its channel's log, and its number among all frames of all channels.</summary>
internal readonly record struct FrameLocation(Segment Segment, int Start, int Length, long Sequence)
{
    public string Channel => Segment.Log.Name;

    /// <summary>Whether it is no longer part of history. Its bytes may still be there, for those who are to be sent them.</summary>
    public bool IsDropped => Segment.IsDropped;

    /// <summary>Whether its bytes are gone.</summary>
    public bool IsGone => Segment.Buffer is null;

    /// <summary>The frame's bytes. Only while they are there.</summary>
    public ReadOnlySpan<byte> Bytes => Segment.Buffer.AsSpan(Start, Length);

    /// <summary>The frame's id as UTF-8. Only while its bytes are there.</summary>
    public ReadOnlySpan<byte> Id => SseFrame.IdOf(Bytes);
}
