namespace SseListener.Events;

/// <summary>
/// All kept frames of all channels in one order. Clients of several channels catch up from it, and it tells what was dropped and which
/// segment is the oldest. For the hub's writer, except <see cref="Published"/> and <see cref="Appending"/>; cursors read on any thread.
/// </summary>
internal sealed class LogIndex
{
    private readonly FrameIndex _frames = new();
    private Cursor<FrameLocation> _beginning;
    private long _published;
    private long _appending;
    private long _known;
    private IReadOnlyList<long> _starts = [0];

    public LogIndex() => _beginning = _frames.End;

    /// <summary>The number of the newest frame that there has been; 0 for none.</summary>
    public long Last { get; private set; }
    public long Drops { get; private set; }

    /// <summary>The highest number of a frame that is no longer kept; 0 for none.</summary>
    public long LastDropped { get; private set; }

    /// <summary>
    /// The number up to which all frames of all channels can be read. A merging reader must stop there: of two later frames the second may
    /// be visible before the first.
    /// </summary>
    public long Published => Volatile.Read(ref _published);

    /// <summary>The number up to which some frames can be read: beyond <see cref="Published"/> while a batch is being appended.</summary>
    public long Appending => Volatile.Read(ref _appending);
    public long BeforeOldest => _beginning.TryPeek(out var oldest) ? oldest.Sequence - 1 : Last;

    /// <summary>The segment of the oldest frame that is kept; null when nothing is.</summary>
    public Segment? Oldest
    {
        get
        {
            while (_beginning.TryPeek(out var frame))
            {
                if (!frame.IsDropped)
                    return frame.Segment;

                _beginning.Advance(1);
            }

            return null;
        }
    }

    // The number before that of the first frame in the index, kept or not.
    private long BeforeFirst => _beginning.Part.Length > 0 ? _beginning.Part.Buffer![0].Sequence - 1 : Last;

    public void BeginAppending(long last) => Volatile.Write(ref _appending, last);

    public void Append(FrameLocation frame)
    {
        _frames.Append(frame);
        Last = frame.Sequence;
    }

    /// <summary>Lets everything appended so far be delivered.</summary>
    public void Publish()
    {
        Volatile.Write(ref _appending, Last);
        Volatile.Write(ref _published, Last);
    }

    /// <summary>Counts a segment that is dropped, whose last frame has this number, and returns the number of the drop.</summary>
    public long Drop(long lastSequence)
    {
        Forget(lastSequence);
        return ++Drops;
    }

    public void Forget(long sequence) => LastDropped = Math.Max(LastDropped, sequence);

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
    public void ContinueAfter(long known, IReadOnlyList<long> starts)
    {
        _known = known;
        _starts = starts;
        Last = starts[^1];
    }

    /// <summary>
    /// Whether the log has ever had the place behind this number: it was the end of the log or the beginning of a start, or has a
    /// kept frame before or behind it. Below the first frame in the index nobody can tell any more: <see cref="HasDropped"/> decides.
    /// </summary>
    public bool HasPlace(long sequence)
    {
        if (sequence == Last || _starts.Contains(sequence))
            return true;

        // A frame with such a number was lost when the program ended.
        var wasLost = sequence > _known && sequence < _starts[^1];
        return sequence >= 0 && sequence < Last && !wasLost
            && (sequence <= BeforeFirst || HasFrame(sequence) || HasFrame(sequence + 1));
    }

    /// <summary>Whether a frame of the selected topics, behind this number, is no longer kept.</summary>
    public bool HasDropped(long sequence, Selection selection, IReadOnlyList<Topic> topics)
    {
        if (sequence < BeforeFirst)
        {
            // Each channel knows up to which number it has lost frames; of a pattern nobody does.
            return topics.Any(topic => (topic is ChannelLog log ? log.LastDropped : LastDropped) > sequence);
        }

        // Segments are dropped nearly in this order, so the last dropped one is near.
        var cursor = After(sequence);
        while (cursor.TryPeek(out var frame) && frame.Sequence <= LastDropped)
        {
            if (frame.IsDropped && selection.Includes(frame.Channel))
                return true;

            cursor.Advance(1);
        }

        return false;
    }

    private bool HasFrame(long sequence) => After(sequence - 1).TryPeek(out var frame) && frame.Sequence == sequence;
}
