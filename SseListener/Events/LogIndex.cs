namespace SseListener.Events;

/// <summary>
/// All kept frames of all channels in one order. Clients of several channels catch up from it, and it tells what was dropped. Frames that
/// are dropped leave it from its beginning, and where most of it is dropped all but the last one of each channel. For the hub's writer,
/// except <see cref="Published"/> and <see cref="Appending"/>; cursors read on any thread.
/// </summary>
internal sealed class LogIndex
{
    private const int LeastToCompact = 4096;
    private readonly Allowances _allowances;
    private FrameIndex _frames = new();
    private Cursor<FrameLocation> _beginning;
    private long _lastRestored;
    private IReadOnlyList<long> _starts = [0];
    private IReadOnlyList<SkippedNumbers> _skipped = [];
    private long _compacted;
    private int _count; // From the beginning on.
    private int _leastCount;

    public LogIndex(Allowances allowances) => (_allowances, _beginning) = (allowances, _frames.End);

    /// <summary>The number of the newest frame that there has been; 0 for none.</summary>
    public long Last { get; private set; }
    public long Drops { get; private set; }

    /// <summary>Where a merging reader must stop: of two frames with higher numbers, the second may be visible before the first.</summary>
    public long Published
    {
        get => Volatile.Read(ref field);
        private set => Volatile.Write(ref field, value);
    }

    /// <summary>The number up to which some frames can be read: beyond <see cref="Published"/> while a batch is being appended.</summary>
    public long Appending
    {
        get => Volatile.Read(ref field);
        set => Volatile.Write(ref field, value);
    }

    public long BeforeOldestKept => _beginning.TryPeek(out var oldest) ? oldest.Sequence - 1 : Last;

    // The number before that of the first frame in the index, kept or not.
    private long BeforeFirstIndexed => _beginning.Part.Length > 0 ? _beginning.Part.Buffer![0].Sequence - 1 : Last;

    public void Append(FrameLocation frame)
    {
        _frames.Append(frame);
        _count++;
        Last = frame.Sequence;
    }

    /// <summary>Lets go of dropped frames, if they are the most.</summary>
    /// <param name="kept">How many frames are kept.</param>
    public void CompactIfMostIsDropped(int kept)
    {
        for (; _beginning.TryPeek(out var oldest) && oldest.IsDropped; _count--)
            _beginning.Advance(1);

        if (_count <= 2 * Math.Max(kept, _leastCount) + LeastToCompact)
            return;

        var (frames, count) = (new FrameIndex(), 0);
        var beginning = frames.End;
        for (; _beginning.TryPeek(out var frame); _beginning.Advance(1))
        {
            // The last dropped frame of a channel tells what is missing. Of a forgotten channel its allowance does.
            if (frame.IsDropped && (frame.Segment.Log.HasLeftTable || frame.Sequence < frame.Segment.Log.LastDropped))
                continue;

            frames.Append(frame);
            count++;
        }

        // Readers of the old one find all that is in it now.
        (_frames, _beginning, _count, _leastCount) = (frames, beginning, count, count);
        MarkCompacted(Last);
    }

    /// <summary>Says that up to this number frames that were dropped may be missing, except the last one of each channel.</summary>
    public void MarkCompacted(long sequence) => _compacted = Math.Max(_compacted, sequence);

    /// <summary>Counts numbers up to this one as used, without a frame.</summary>
    public void AdvanceTo(long sequence) => Last = sequence;

    /// <summary>Begins anew behind this number, when all is dropped and what was up to it is not known.</summary>
    public void StartOver(long sequence)
    {
        _frames = new FrameIndex();
        _beginning = _frames.End;
        _count = 0;
        Last = sequence;
    }

    /// <summary>Lets everything appended so far be delivered.</summary>
    public void Publish()
    {
        Appending = Last;
        Published = Last;
    }

    /// <summary>Counts a segment that is dropped, and returns the number of the drop.</summary>
    public long CountDrop() => ++Drops;

    /// <summary>A cursor at the first frame in the index, kept or not, that has a higher number.</summary>
    public Cursor<FrameLocation> After(long sequence)
    {
        var part = _beginning.Part;
        while (part.Next is { } next && part.Buffer![part.Length - 1].Sequence <= sequence)
            part = next;

        var cursor = new Cursor<FrameLocation>(part, 0);
        while (cursor.TryPeek(out var frame) && frame.Sequence <= sequence)
            cursor.Advance(1);

        return cursor;
    }

    /// <summary>Goes on after a restart. Restored frames count as published from the first batch on, before any client comes.</summary>
    public void ContinueAfter(long lastRestored, IReadOnlyList<long> starts, IReadOnlyList<SkippedNumbers> skipped)
    {
        _skipped = skipped;
        _lastRestored = lastRestored;
        _starts = starts;
        Last = starts.Count > 0 ? starts[^1] : lastRestored;
    }

    /// <summary>
    /// Whether the log has ever had the place behind this number: it was the end of the log or the beginning of a start, or has a
    /// kept frame before or behind it. Below the first frame in the index, and where that is compacted, nobody can tell any more, unless
    /// frames were lost there: <see cref="HasDropped"/> decides.
    /// </summary>
    public bool HasPlace(long sequence)
    {
        if (sequence == Last || _starts.Contains(sequence))
            return true;

        // Of a log that hubs share each number is one: it has not lost any.
        if (_starts.Count == 0)
            return sequence >= 0 && sequence < Last;

        // Between the last frame that was read back and where this start began, a number is of a frame that was lost.
        var wasLost = sequence > _lastRestored && sequence < _starts[^1];
        return sequence >= 0 && sequence < Last && !wasLost
            && (MayHavePlace(sequence) || HasFrame(sequence) || HasFrame(sequence + 1));
    }

    /// <summary>Whether a frame of the selected topics, behind this number, is no longer kept.</summary>
    public bool HasDropped(long sequence, Selection selection, IReadOnlyList<Topic> topics)
    {
        // Each channel knows up to which number it has dropped frames. For a pattern that of its allowances count, which may tell of a gap
        // that is none.
        var dropping = topics.Where(topic => LastDroppedOf(topic) > sequence).ToList();
        if (dropping.Count == 0 || sequence < BeforeFirstIndexed
            || (sequence < _compacted && dropping.Exists(topic => UnknownThroughOf(topic) > sequence)))
        {
            return dropping.Count > 0;
        }

        // The channel itself has dropped a frame behind the place: no search is needed.
        if (dropping.Exists(topic => topic is ChannelLog log && log.InheritedDropped <= sequence))
            return true;

        var last = dropping.Max(LastDroppedOf);
        for (var cursor = After(sequence); cursor.TryPeek(out var frame) && frame.Sequence <= last; cursor.Advance(1))
        {
            if (frame.IsDropped && selection.Includes(frame.Channel))
                return true;
        }

        return false;
    }

    private long LastDroppedOf(Topic topic) =>
        topic is ChannelLog log ? log.LastDropped : _allowances.Under(topic.Name).Max(allowance => allowance.LastDropped);

    // Of channels that nobody knows any more.
    private long UnknownThroughOf(Topic topic) =>
        topic is ChannelLog log ? log.InheritedDropped : _allowances.Under(topic.Name).Max(allowance => allowance.UnknownThrough);

    private bool MayHavePlace(long sequence) =>
        sequence <= BeforeFirstIndexed || (sequence <= _compacted && !_skipped.Any(skipped => skipped.Include(sequence)));

    private bool HasFrame(long sequence) => After(sequence - 1).TryPeek(out var frame) && frame.Sequence == sequence;
}

/// <summary>Numbers behind one and before another, behind which a start began: a frame with one of them was lost.</summary>
internal readonly record struct SkippedNumbers(long After, long Through)
{
    public bool Include(long sequence) => sequence > After && sequence < Through;
}
