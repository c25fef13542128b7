namespace SseListener.Events;

/// <summary>
/// Several channels as one stream, in the order of their frames' numbers: first what was missed, from the timeline, then what is new,
/// from the trail of each topic. A frame that is in two of them is taken once.
/// </summary>
internal sealed class MergedFeed : Feed
{
    // How many frames of other channels are passed over for one write: it must not keep the lane from its other clients.
    private const int LongestSearch = 1024;

    // What a slow client does not take at once is copied, and held until it has been sent, which takes long.
    private const int LongestWrite = 16 * 1024;

    private readonly HubCounts _counts;
    private readonly Selection _selection;
    private readonly FrameIndexCursor[] _live;
    private readonly FrameCopy _copy;
    private readonly ReplayRange _missed;
    private FrameIndexCursor _missing;
    private bool _isMissing;
    private int _passed;
    private string? _judged;
    private bool _isJudgedMissed;
    private long _last;

    /// <summary>A feed from the moment on at which its client joins. For the hub's writer.</summary>
    /// <param name="timeline">All frames.</param>
    /// <param name="counts">Told of what was missed, as it is taken.</param>
    /// <param name="selection">Which of them the client gets.</param>
    /// <param name="live">The ends of its topics' trails.</param>
    /// <param name="missed">What it is to get of the time before.</param>
    /// <param name="isEnveloped">Whether the data are to name their channel.</param>
    public MergedFeed(LogIndex timeline, HubCounts counts, Selection selection, FrameIndexCursor[] live, ReplayRange missed, bool isEnveloped)
        : base(timeline)
    {
        _counts = counts;
        _selection = selection;
        _live = live;
        _copy = isEnveloped ? new EnvelopeCopy() : new PlainCopy();
        _missed = missed;
        _isMissing = missed.After < missed.Through;
        _missing = _isMissing ? timeline.After(missed.After) : default;
        _last = missed.After;
    }

    private enum Search
    {
        Found,
        Nothing,
        Unfinished,
    }

    /// <inheritdoc/>
    public override bool IsCaughtUp => _copy.IsDone && Find(out _) is Search.Nothing;

    /// <inheritdoc/>
    public override bool IsLapped => _copy.IsDone ? Find(out var next) is Search.Found && next.IsDropped : _copy.IsLapped;

    /// <inheritdoc/>
    public override CursorState Take(Slice slice)
    {
        slice.Begin();
        _passed = 0;
        var state = Fill(slice);
        slice.End();
        return state is CursorState.Lapped && slice.Length > 0 ? CursorState.SliceAndMore : state;
    }

    private CursorState Fill(Slice slice)
    {
        while (slice.Length < LongestWrite)
        {
            if (_copy.IsDone)
            {
                var search = Find(out var next);
                if (search is not Search.Found)
                {
                    return search is Search.Unfinished ? CursorState.SliceAndMore
                        : slice.Length > 0 ? CursorState.Slice
                        : CursorState.CaughtUp;
                }

                _last = next.Sequence;
                _copy.Begin(next.Position);
                if (_isMissing)
                {
                    _counts.CountReplayed(1);
                }
            }

            if (!_copy.TryWrite(slice, LongestWrite - slice.Length))
            {
                return CursorState.Lapped;
            }
        }

        return CursorState.SliceAndMore;
    }

    private Search Find(out NumberedFrame next)
    {
        for (; _isMissing && _passed < LongestSearch; _passed++)
        {
            _isMissing = _missing.TryPeek(out next) && next.Sequence <= _missed.Through;
            if (_isMissing && IsMissed(next))
            {
                return Search.Found;
            }

            _missing.MoveNext();
        }

        next = default;
        if (_isMissing)
        {
            return Search.Unfinished;
        }

        // From where it stands all later parts of the timeline hang.
        _missing = default;
        return FindLive(out next);
    }

    private bool IsMissed(NumberedFrame frame)
    {
        if (frame.Sequence <= _last)
        {
            return false;
        }

        // Of a busy channel there are many in a row.
        if (!ReferenceEquals(frame.Channel, _judged))
        {
            _judged = frame.Channel;
            _isJudgedMissed = _selection.Includes(_judged);
        }

        return _isJudgedMissed && !(frame.IsDropped && frame.Segment.DropNumber <= _missed.Drops);
    }

    private Search FindLive(out NumberedFrame next)
    {
        next = default;
        var published = LogIndex.Published;
        foreach (ref var cursor in _live.AsSpan())
        {
            if (TryPeek(ref cursor, published, out var frame) && (next.Sequence == 0 || frame.Sequence < next.Sequence))
            {
                next = frame;
            }
        }

        return next.Sequence == 0 ? Search.Nothing : Search.Found;
    }

    private bool TryPeek(ref FrameIndexCursor cursor, long published, out NumberedFrame frame)
    {
        while (cursor.TryPeek(out frame) && frame.Sequence <= published)
        {
            if (frame.Sequence > _last && _selection.MayHear(frame.Channel))
            {
                return true;
            }

            cursor.MoveNext();
        }

        return false;
    }
}

/// <summary>What a client is to get that was published before it joined.</summary>
/// <param name="After">The number of the last frame that it has.</param>
/// <param name="Through">The number of the last one that it is to get so.</param>
/// <param name="Drops">How many segments had been dropped when it joined: without those it does.</param>
internal readonly record struct ReplayRange(long After, long Through, long Drops);
