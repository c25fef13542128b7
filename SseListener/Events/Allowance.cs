namespace SseListener.Events;

/// <summary>
/// What may be kept of the channels of one rule, or of all that have none, and what is. No other channels take from it. For the hub's
/// writer, except its limits.
/// </summary>
internal sealed class Allowance
{
    private const int SegmentsOfAllowance = 16; // Whole segments are dropped, so this is how closely the limits are kept.
    private const int SmallestSegment = 128; // Quiet channels may be many, and each have one small event.
    private const int LargestSegment = 256 * 1024;
    private const int SmallestLimit = 512; // A segment may be this large however small MostBytes is, but never larger than MostBytes.
    private const int CostOfSegment = 256; // Bytes that a superseded segment takes beside its frames.
    private const int LeastSlack = 256 * 1024;
    private const int MostSlack = 8 * 1024 * 1024;
    private const long LongestSlack = 10_000; // Milliseconds.
    private readonly Queue<(Segment Segment, long Time)> _superseded = new();
    private Queue<Segment> _segments = new();
    private int _keptSegments;
    private long _slack; // Bytes of superseded segments.

    public Allowance(KeepRule rule, long bytes, TimeSpan age)
    {
        Rule = rule;
        MostBytes = rule.Bytes ?? bytes;
        Age = (long)(rule.Age ?? age).TotalMilliseconds;
        MostEvents = rule.Events ?? int.MaxValue;
        BytesSetting = rule.Bytes is null ? "--history" : $"--keep {rule.Pattern}";
        Segments = SegmentsOf(rule.Events is null ? int.MaxValue : Math.Max(1, MostEvents / SegmentsOfAllowance));
    }

    public KeepRule Rule { get; }

    /// <summary>Bytes of frames, of all its channels together; 0 when nothing is kept.</summary>
    public long MostBytes { get; }

    /// <summary>The option that says <see cref="MostBytes"/>, as a user would write it.</summary>
    public string BytesSetting { get; }

    /// <summary>The rule's number of events of each channel. As whole segments are dropped, a few more may be kept.</summary>
    public int MostEvents { get; }
    public SegmentLimits Segments { get; }

    /// <summary>Bytes of the frames that are kept.</summary>
    public long Bytes { get; private set; }

    /// <summary>Bytes of all frames that there have been.</summary>
    public long Appended { get; private set; }

    /// <summary>The highest number of a frame of its channels that is no longer kept; 0 for none.</summary>
    public long LastDropped { get; private set; }

    /// <summary>Up to here there may have been frames of channels of which nothing is known any more.</summary>
    public long UnknownThrough { get; private set; }

    /// <summary>How old an event may be, in milliseconds.</summary>
    public long Age { get; }

    /// <summary>Whether what was published at one time is too old at another (Unix milliseconds).</summary>
    public bool IsTooOld(long published, long time) => published < time - Age;

    /// <summary>Counts a frame that has been appended.</summary>
    public void Add(FrameLocation frame)
    {
        Appended += frame.Length;
        Bytes += frame.Length;
        if (frame.Segment.Count > 1)
            return;

        _segments.Enqueue(frame.Segment);
        _keptSegments++;
    }

    /// <summary>The segment of the oldest frame that is kept; null when nothing is.</summary>
    public Segment? FindOldest()
    {
        while (_segments.TryPeek(out var segment) && segment.IsDropped)
            _segments.Dequeue();

        return _segments.TryPeek(out var oldest) ? oldest : null;
    }

    /// <summary>Counts a segment that is dropped now.</summary>
    public void Remove(Segment segment)
    {
        Bytes -= segment.Length;
        CountDropped(segment.LastSequence);

        // Where channels drop their own, what one that is silent keeps may be the oldest for long.
        if (--_keptSegments * 2 < _segments.Count - SegmentsOfAllowance)
            _segments = new Queue<Segment>(_segments.Where(kept => !kept.IsDropped));
    }

    /// <summary>Says that a frame of its channels with this number is no longer kept.</summary>
    public void CountDropped(long sequence) => LastDropped = Math.Max(LastDropped, sequence);

    /// <summary>Says that frames up to this number may have been of any of its channels.</summary>
    public void CountUnknown(long sequence)
    {
        UnknownThrough = Math.Max(UnknownThrough, sequence);
        CountDropped(sequence);
    }

    /// <summary>Leaves the bytes of a segment that is dropped at a time to those who are still to be sent them, for a while.</summary>
    public void Supersede(Segment segment, long time)
    {
        _superseded.Enqueue((segment, time));
        _slack += segment.Length + CostOfSegment;
    }

    /// <summary>
    /// Finds a superseded segment whose bytes are to go, for there are many such bytes; of frames before <paramref name="first"/>.
    /// </summary>
    public bool TryTrimSlack(long first, [NotNullWhen(true)] out Segment? segment) =>
        TryRelease(_slack > Math.Clamp(MostBytes / 8, LeastSlack, MostSlack)
            && _superseded.TryPeek(out var next) && next.Segment.LastSequence < first, out segment);

    /// <summary>Finds a segment that was superseded long before a time (Unix milliseconds): its bytes are to go.</summary>
    public bool TryExpireSlack(long time, [NotNullWhen(true)] out Segment? segment) =>
        TryRelease(_superseded.TryPeek(out var next) && next.Time < time - LongestSlack, out segment);

    private bool TryRelease(bool isDue, [NotNullWhen(true)] out Segment? segment)
    {
        segment = isDue ? _superseded.Dequeue().Segment : null;
        _slack -= segment is null ? 0 : segment.Length + CostOfSegment;
        return segment is not null;
    }

    // One that is as large as all that is kept would go with its newest frame.
    private SegmentLimits SegmentsOf(int frames)
    {
        var bytes = MostBytes / SegmentsOfAllowance;
        var largest = (int)Math.Min(Math.Clamp(bytes, SmallestLimit, LargestSegment), Math.Max(1, MostBytes));

        // A segment of a single frame is as large as that.
        var (smallest, most) = frames == 1 ? (0, 0) : (Math.Min(SmallestSegment, largest), largest);
        var time = Math.Min(Age / SegmentsOfAllowance, int.MaxValue);
        return new SegmentLimits(smallest, most, time, Math.Max(bytes, largest)) { Frames = frames };
    }
}
