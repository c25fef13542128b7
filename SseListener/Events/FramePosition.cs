namespace SseListener.Events;

/// <summary>Where one frame lies: the bytes from <paramref name="Start"/> up to <paramref name="End"/> of a segment.</summary>
internal readonly record struct FramePosition(Segment Segment, int Start, int End)
{
    /// <summary>How many bytes it has.</summary>
    public int Length => End - Start;

    /// <summary>The frame's bytes. Only while the segment is kept.</summary>
    public ReadOnlySpan<byte> Frame => Segment.Buffer.AsSpan(Start, Length);

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

/// <summary>A frame's place in its channel, and its number among all frames of all channels.</summary>
internal readonly record struct NumberedFrame(FramePosition Position, long Sequence)
{
    /// <summary>The segment that it lies in.</summary>
    public Segment Segment => Position.Segment;

    /// <summary>The name of its channel.</summary>
    public string Channel => Position.Segment.Log.Name;

    /// <summary>Whether it is no longer kept.</summary>
    public bool IsDropped => Position.Segment.Buffer is null;
}

/// <summary>When and where a frame comes in the order of all frames.</summary>
/// <param name="Sequence">Its number.</param>
/// <param name="Time">When it was published, in Unix milliseconds.</param>
/// <param name="Before">Bytes of all frames that history took before it.</param>
internal readonly record struct FrameStamp(long Sequence, long Time, long Before);
