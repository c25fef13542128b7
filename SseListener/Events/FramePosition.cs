namespace SseListener.Events;

/// <summary>Where one frame lies: the bytes from <paramref name="Start"/> up to <paramref name="End"/> of a segment.</summary>
internal readonly record struct FramePosition(Segment Segment, int Start, int End)
{
    /// <summary>The frame's bytes. Only while the segment is kept.</summary>
    public ReadOnlySpan<byte> Frame => Segment.Buffer.AsSpan(Start, End - Start);

    /// <summary>The frame's id as UTF-8, read from its last line (<c>id: …</c>). Only while the segment is kept.</summary>
    public ReadOnlySpan<byte> Id
    {
        get
        {
            var beforeBlankLine = Frame[..^2];
            return beforeBlankLine[(beforeBlankLine.LastIndexOf((byte)'\n') + 1 + "id: "u8.Length)..];
        }
    }
}
