namespace SseListener.Events;

/// <summary>Frames that are stored together before any is delivered. For the hub's writer, and for the log that stores them.</summary>
internal sealed class FrameBatch
{
    private const int LargestKept = 1024 * 1024;
    private readonly List<BatchFrame> _frames = [];
    private readonly List<Proposed> _proposed = [];
    private ArrayBufferWriter<byte> _bytes = new();

    public IReadOnlyList<BatchFrame> Frames => _frames;

    /// <summary>The publishes that the frames are of.</summary>
    public IReadOnlyList<Proposed> Proposed => _proposed;
    public long FrameBytes => _frames.Sum(frame => (long)frame.Length);

    /// <summary>Which batch it is.</summary>
    public long Number { get; private set; }

    /// <summary>The number of its first frame, or the one that it would have.</summary>
    public long First { get; private set; }

    /// <summary>When they were published, as <see cref="SteadyClock"/> counts.</summary>
    public long Time { get; private set; }

    /// <summary>Bytes that were written, those included that were discarded.</summary>
    public int WrittenBytes { get; private set; }

    /// <summary>Bytes of all copies of its frames, one for each channel of a frame; those that were removed included.</summary>
    public long CopiedBytes { get; private set; }

    /// <summary>Bytes that it takes at most: of the copies, and until it is stored of what was discarded.</summary>
    public long Size => Math.Max(WrittenBytes, CopiedBytes);

    /// <summary>Takes the next frame's bytes, until <see cref="Add"/> or <see cref="EndFrame"/>.</summary>
    public IBufferWriter<byte> Output => _bytes;
    public ReadOnlySpan<byte> Written => _bytes.WrittenSpan[WrittenBytes..];

    /// <summary>Empties a buffer that is used again, unless a large batch has made it large.</summary>
    public static void Reset(ref ArrayBufferWriter<byte> buffer)
    {
        buffer.ResetWrittenCount();
        if (buffer.Capacity > LargestKept)
            buffer = new ArrayBufferWriter<byte>();
    }

    public void Begin(long sequence, long time)
    {
        Reset(ref _bytes);
        _frames.Clear();
        _proposed.Clear();
        (WrittenBytes, CopiedBytes) = (0, 0);
        Number++;
        First = sequence;
        Time = time;
    }

    /// <summary>Makes what was written the next frame, for these channels.</summary>
    public void Add(ChannelSet channels)
    {
        _frames.Add(new BatchFrame(channels, First + _frames.Count, WrittenBytes, Written.Length, Following: 0));
        CopiedBytes += (long)Written.Length * channels.Logs.Length;
        EndFrame();
    }

    /// <summary>Binds the frames from the <paramref name="first"/> on together: they are kept together, or not at all.</summary>
    public void EndPublish(int first, Publish work, PublishResult.Published result)
    {
        if (first < _frames.Count)
            _proposed.Add(new Proposed(work, result, first, _frames.Count - first));

        for (var index = first; index < _frames.Count; index++)
            _frames[index] = _frames[index] with { Following = _frames.Count - 1 - index };
    }

    /// <summary>Ends what was written, so that the next frame begins behind it. What was not added is discarded.</summary>
    public void EndFrame() => WrittenBytes = _bytes.WrittenCount;
    public void RemoveFrom(int first) => _frames.RemoveRange(first, _frames.Count - first);
    public ReadOnlySpan<byte> BytesOf(BatchFrame frame) => _bytes.WrittenSpan.Slice(frame.Start, frame.Length);
}

/// <summary>A publish that has frames in a batch: its answer once they are stored, which is its first frame, and how many it has.</summary>
internal readonly record struct Proposed(Publish Work, PublishResult.Published Result, int First, int Count);

/// <summary>
/// A frame of a batch: its channels, its number, where its bytes lie, and how many frames behind it were published with it.
/// </summary>
internal readonly record struct BatchFrame(ChannelSet Channels, long Sequence, int Start, int Length, int Following);
