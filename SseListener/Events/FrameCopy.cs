using System.Buffers;

namespace SseListener.Events;

/// <summary>Copies frames, each in pieces: a frame may be far longer than a write.</summary>
internal abstract class FrameCopy
{
    /// <summary>The frame that is being copied.</summary>
    protected FramePosition Frame { get; private set; }

    /// <summary>How much of it has been copied.</summary>
    protected int Position { get; set; }

    /// <summary>Whether the frame has been copied to its end.</summary>
    public bool IsDone => Position == Frame.Length;

    /// <summary>Whether the frame has been dropped meanwhile.</summary>
    public bool IsLapped => Frame.Segment.Buffer is null;

    /// <summary>Begins with another frame.</summary>
    public void Begin(FramePosition frame)
    {
        Frame = frame;
        Position = 0;
        if (Frame.Segment.Buffer is { } buffer)
        {
            Prepare(buffer.AsSpan(frame.Start, frame.Length));
        }
    }

    /// <summary>Writes the next piece, of about <paramref name="limit"/> bytes at most; false when the frame has been dropped.</summary>
    public bool TryWrite(IBufferWriter<byte> output, int limit)
    {
        // The buffer once: it may be dropped at any moment.
        if (Frame.Segment.Buffer is not { } buffer)
        {
            return false;
        }

        Write(buffer.AsSpan(Frame.Start, Frame.Length), output, limit);
        if (IsDone)
        {
            // From a segment hang all later ones of its channel.
            Frame = default;
            Position = 0;
        }

        return true;
    }

    protected virtual void Prepare(ReadOnlySpan<byte> frame)
    {
    }

    protected abstract void Write(ReadOnlySpan<byte> frame, IBufferWriter<byte> output, int limit);

    /// <summary>Copies as it is what comes before <paramref name="end"/>.</summary>
    protected void CopyTo(int end, ReadOnlySpan<byte> frame, IBufferWriter<byte> output, int limit)
    {
        // Not one of the two line feeds at a frame's end without the other: it is counted where they are.
        var last = Position + limit + 1 >= end ? end : Position + limit;
        var piece = frame[Position..last];
        output.Write(piece);
        Position += piece.Length;
    }
}

/// <summary>Copies frames as they are.</summary>
internal sealed class PlainCopy : FrameCopy
{
    protected override void Write(ReadOnlySpan<byte> frame, IBufferWriter<byte> output, int limit) =>
        CopyTo(frame.Length, frame, output, limit);
}
