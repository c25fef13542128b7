using System.Buffers;

namespace SseListener.Events;

/// <summary>
/// Frames that are stored together before any of them is delivered: encoded once, back to back. For the hub's writer, and for
/// whoever stores them while it waits.
/// </summary>
internal sealed class FrameBatch
{
    // One that has grown larger is not kept.
    private const int LargestKept = 1024 * 1024;

    private readonly List<BatchFrame> _frames = [];
    private ArrayBufferWriter<byte> _bytes = new();
    private int _start;

    /// <summary>The frames, in order.</summary>
    public IReadOnlyList<BatchFrame> Frames => _frames;

    /// <summary>The number of its first frame, or the one that it would have.</summary>
    public long First { get; private set; }

    /// <summary>When they were published, as <see cref="SteadyClock"/> counts.</summary>
    public long Time { get; private set; }

    /// <summary>Bytes of the frames.</summary>
    public long FrameBytes => _frames.Sum(frame => (long)frame.Length);

    /// <summary>Bytes that it takes, those included that were discarded.</summary>
    public int Length => _start;

    /// <summary>Takes the next frame's bytes, until <see cref="Add"/> or <see cref="Discard"/>.</summary>
    public IBufferWriter<byte> Output => _bytes;

    /// <summary>What <see cref="Output"/> has taken.</summary>
    public ReadOnlySpan<byte> Written => _bytes.WrittenSpan[_start..];

    /// <summary>Begins another batch.</summary>
    /// <param name="sequence">The number of its first frame.</param>
    /// <param name="time">Now, as <see cref="SteadyClock"/> counts.</param>
    public void Begin(long sequence, long time)
    {
        _bytes.ResetWrittenCount();
        if (_bytes.Capacity > LargestKept)
        {
            _bytes = new ArrayBufferWriter<byte>();
        }

        _frames.Clear();
        _start = 0;
        First = sequence;
        Time = time;
    }

    /// <summary>Makes what was written the next frame, for a channel.</summary>
    /// <returns>Its place in <see cref="Frames"/>.</returns>
    public int Add(ChannelLog log)
    {
        _frames.Add(new BatchFrame(log, First + _frames.Count, _start, _bytes.WrittenCount - _start, Following: 0));
        _start = _bytes.WrittenCount;
        return _frames.Count - 1;
    }

    /// <summary>Binds the frames from the <paramref name="first"/> on together: they are kept together, or not at all.</summary>
    public void Bind(int first)
    {
        for (var place = first; place < _frames.Count; place++)
        {
            _frames[place] = _frames[place] with { Following = _frames.Count - 1 - place };
        }
    }

    /// <summary>Forgets what was written.</summary>
    public void Discard() => _start = _bytes.WrittenCount;

    /// <summary>Takes back all frames but the first <paramref name="count"/>.</summary>
    public void TakeBack(int count) => _frames.RemoveRange(count, _frames.Count - count);

    /// <summary>A frame's bytes.</summary>
    public ReadOnlySpan<byte> BytesOf(BatchFrame frame) => _bytes.WrittenSpan.Slice(frame.Start, frame.Length);
}

/// <summary>A frame of a batch.</summary>
/// <param name="Log">The log that it is to be appended to.</param>
/// <param name="Sequence">Its number among all frames of all channels.</param>
/// <param name="Start">Where its bytes begin.</param>
/// <param name="Length">How many they are.</param>
/// <param name="Following">How many of the frames behind it belong to it.</param>
internal readonly record struct BatchFrame(ChannelLog Log, long Sequence, int Start, int Length, int Following);
