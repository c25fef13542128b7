namespace SseListener.Journal;

/// <summary>A whole frame in a journal file: its line, and where they are.</summary>
/// <param name="Line">The line before it.</param>
/// <param name="LineStart">Where that begins.</param>
/// <param name="FrameStart">Where the frame begins.</param>
/// <param name="End">Where it ends.</param>
/// <param name="IsDropped">Whether only its line is left, since the frame has been dropped.</param>
internal readonly record struct FoundFrame(JournalLine Line, int LineStart, int FrameStart, int End, bool IsDropped = false)
{
    /// <summary>The number of the last frame of its publish.</summary>
    public long LastOfPublish => Line.Sequence + Line.Following;

    /// <summary>
    /// Finds the frames with numbers behind <paramref name="after"/> and before <paramref name="end"/>, in the order of their numbers, each
    /// once: a disk may have written some bytes to a wrong place.
    /// </summary>
    public static List<FoundFrame> FindAll(ReadOnlySpan<byte> bytes, long after, long end) =>
        [.. Find(bytes)
            .Where(frame => frame.Line.Sequence > after && frame.Line.Sequence < end)
            .DistinctBy(frame => frame.Line.Sequence)
            .OrderBy(frame => frame.Line.Sequence)];

    private static List<FoundFrame> Find(ReadOnlySpan<byte> bytes)
    {
        List<FoundFrame> found = [];
        for (var offset = JournalLine.LengthOfMark(bytes); offset < bytes.Length;)
        {
            var isWhole = JournalLine.TryRead(bytes, offset, out var line, out var frame, out var isDropped);
            if (isWhole)
                found.Add(new FoundFrame(line, offset, frame.Start.Value, frame.End.Value, isDropped));

            offset = isWhole ? frame.End.Value : NextLine(bytes, offset);
        }

        return found;
    }

    // If the line feed before it is damaged, it begins one byte later. No line of a frame begins in either way.
    private static int NextLine(ReadOnlySpan<byte> bytes, int offset)
    {
        while (bytes[offset..].IndexOf((byte)'\n') is var end and >= 0)
        {
            offset += end + 1;
            var beginning = bytes[offset..Math.Min(offset + 1 + JournalLine.Start.Length, bytes.Length)];
            if (beginning.IndexOf(JournalLine.Start) is var start and >= 0)
                return offset + start;
        }

        return bytes.Length;
    }
}
