using System.Buffers;
using SseListener.Events;

namespace SseListener.Journal;

/// <summary>Makes a batch the bytes that a journal keeps of it: a line and a frame, for each.</summary>
internal sealed class JournalEncoder
{
    // What has grown larger for a large batch is not kept.
    private const int LargestBuffer = 1024 * 1024;

    private ArrayBufferWriter<byte> _buffer = new();

    /// <summary>A batch's bytes; good until the next call.</summary>
    public ReadOnlySpan<byte> Encode(FrameBatch batch)
    {
        _buffer.ResetWrittenCount();
        if (_buffer.Capacity > LargestBuffer)
        {
            _buffer = new ArrayBufferWriter<byte>();
        }

        // The machine's time: those who read it have no other, and a machine that slept has slept for them too.
        var time = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        foreach (var frame in batch.Frames)
        {
            JournalLine.Write(_buffer, batch, frame, time);
        }

        return _buffer.WrittenSpan;
    }
}
