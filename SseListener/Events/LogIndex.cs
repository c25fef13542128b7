namespace SseListener.Events;

/// <summary>
/// All frames of all channels that are kept, in one order: what a client with several channels catches up from, what tells whether
/// something was dropped that it should have had, and which segment is the oldest. For the hub's writer, except
/// <see cref="Published"/>; cursors read on any thread.
/// </summary>
internal sealed class LogIndex
{
    private readonly FrameIndex _trail = new();
    private FrameIndexPart _first;
    private int _dropped;
    private long _published;
    private long _appending;
    private long _known;
    private IReadOnlyList<long> _starts = [0];

    /// <summary>A timeline without frames.</summary>
    public LogIndex() => _first = _trail.Last;

    /// <summary>The number of the newest frame that there has been; 0 for none.</summary>
    public long Last { get; private set; }

    /// <summary>How many segments have been dropped.</summary>
    public long Drops { get; private set; }

    /// <summary>The highest number of a frame that is no longer kept; 0 for none.</summary>
    public long LastDropped { get; private set; }

    /// <summary>
    /// The number up to which all frames of all channels can be read. Whoever merges channels must not go beyond: of two frames the
    /// later one may be there already, and the earlier one not yet.
    /// </summary>
    public long Published => Volatile.Read(ref _published);

    /// <summary>The number up to which frames may be read already: while a batch is being appended it is beyond <see cref="Published"/>.</summary>
    public long Appending => Volatile.Read(ref _appending);

    /// <summary>The number before that of the oldest frame that is kept.</summary>
    public long BeforeOldest => Beginning.TryPeek(out var oldest) ? oldest.Sequence - 1 : Last;

    /// <summary>The segment of the oldest frame that is kept; null when nothing is.</summary>
    public Segment? Oldest
    {
        get
        {
            while (true)
            {
                while (_dropped < _first.Count && _first[_dropped].IsDropped)
                {
                    _dropped++;
                }

                if (_dropped < _first.Count)
                {
                    return _first[_dropped].Segment;
                }

                if (_first.Next is null)
                {
                    return null;
                }

                _first = _first.Next;
                _dropped = 0;
            }
        }
    }

    /// <summary>A cursor at the oldest frame; those that are no longer kept may come before it.</summary>
    public FrameIndexCursor Beginning => new(_first, _dropped);

    /// <summary>Takes note that the frames up to this number are going to be appended.</summary>
    public void BeginAppending(long last) => Volatile.Write(ref _appending, last);

    /// <summary>Appends a frame.</summary>
    public void Append(NumberedFrame frame)
    {
        _trail.Append(frame);
        Last = frame.Sequence;
    }

    /// <summary>Lets everything appended so far be delivered.</summary>
    public void Publish()
    {
        Volatile.Write(ref _appending, Last);
        Volatile.Write(ref _published, Last);
    }

    /// <summary>Takes note that a segment is dropped.</summary>
    /// <param name="lastSequence">The number of its last frame.</param>
    /// <returns>The number of this drop.</returns>
    public long Drop(long lastSequence)
    {
        LastDropped = Math.Max(LastDropped, lastSequence);
        return ++Drops;
    }

    /// <summary>A cursor behind the frame with this number.</summary>
    public FrameIndexCursor After(long sequence)
    {
        var part = _first;
        while (part.Next is { } next && part[part.Count - 1].Sequence <= sequence)
        {
            part = next;
        }

        var place = 0;
        while (place < part.Count && part[place].Sequence <= sequence)
        {
            place++;
        }

        return new FrameIndexCursor(part, place);
    }

    /// <summary>Goes on where the program has been started again.</summary>
    /// <param name="known">The number of the last frame that is known of.</param>
    /// <param name="starts">The numbers that were begun behind, at this start and those before it that have left no frame.</param>
    public void ContinueAfter(long known, IReadOnlyList<long> starts)
    {
        _known = known;
        _starts = starts;
        Last = starts[^1];
    }

    /// <summary>Takes note that what there has been up to this number is not kept.</summary>
    public void Forget(long sequence) => LastDropped = Math.Max(LastDropped, sequence);

    /// <summary>Whether there has been the place behind this number: a frame before it, or behind it.</summary>
    public bool HasPlace(long sequence) =>
        sequence == Last || _starts.Contains(sequence)
        || (sequence >= 0 && sequence < Last && !WasLost(sequence)
            && (sequence <= BeforeFirst || HasFrame(sequence) || HasFrame(sequence + 1)));

    /// <summary>Whether all frames behind this number are in the timeline, kept or not.</summary>
    public bool ReachesBackTo(long sequence) => sequence >= BeforeFirst;

    /// <summary>Whether a frame of these channels, behind a number that the timeline reaches back to, is no longer kept.</summary>
    /// <param name="sequence">The number.</param>
    /// <param name="selection">The channels.</param>
    public bool HasDropped(long sequence, Selection selection)
    {
        // Segments are dropped nearly in this order, so it is not far to the last one that was.
        var cursor = After(sequence);
        while (cursor.TryPeek(out var frame) && frame.Sequence <= LastDropped)
        {
            if (frame.IsDropped && selection.Includes(frame.Channel))
            {
                return true;
            }

            cursor.MoveNext();
        }

        return false;
    }

    // What comes before the first frame that is in the timeline, kept or not.
    private long BeforeFirst => _first.Count > 0 ? _first[0].Sequence - 1 : Last;

    private bool WasLost(long sequence) => sequence > _known && sequence < _starts[^1];

    private bool HasFrame(long sequence) => After(sequence - 1).TryPeek(out var frame) && frame.Sequence == sequence;
}
