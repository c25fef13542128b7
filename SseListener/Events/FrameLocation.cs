namespace SseListener.Events;

/// <summary>Where one frame lies in its channel's log, and its number among all frames of all channels.</summary>
internal readonly record struct FrameLocation(Segment Segment, int Start, int Length, long Sequence)
{
    public string Channel => Segment.Log.Name;
    public bool IsDropped => Segment.Buffer is null;

    /// <summary>The frame's bytes. Only while it is kept.</summary>
    public ReadOnlySpan<byte> Bytes => Segment.Buffer.AsSpan(Start, Length);

    /// <summary>The frame's id as UTF-8, read from its last line (<c>id: …</c>). Only while it is kept.</summary>
    public ReadOnlySpan<byte> Id
    {
        get
        {
            var beforeBlankLine = Bytes[..^2];
            return beforeBlankLine[(beforeBlankLine.LastIndexOf((byte)'\n') + 1 + "id: "u8.Length)..];
        }
    }
}
