namespace SseListener.Events;

/// <summary>
/// Several channels as one stream, in the order of their frames' numbers: first what was missed, from the index of all frames, then what
/// is new, from the index of each topic. A frame that is in two of them is sent once.
/// </summary>
internal sealed class MergedFeed(
    LogIndex logIndex, HubCounts counts, Selection selection, Cursor<FrameLocation>[] live, ReplayRange range, bool isEnveloped)
    : Feed(logIndex)
{
    // Frames of other channels that are skipped for one write: a search must not keep the lane from its other clients.
    private const int LongestSearch = 1024;

    // What a slow client does not take at once is copied, and held until it has been sent.
    private const int LongestWrite = 16 * 1024;

    private readonly FrameCopy _copy = new(isEnveloped);
    private bool _isReplaying = range.After < range.Through;
    private Cursor<FrameLocation> _replay = range.After < range.Through ? logIndex.After(range.After) : default;
    private long _last = range.After;
    private int _skipped;

    public override bool IsCaughtUp => _copy.IsDone && !TryFindNext(out _) && !_isReplaying;
    public override bool IsLapped => _copy.IsDone ? TryFindNext(out var next) && next.IsDropped : _copy.IsLapped;

    public override CursorState Fill(Slice slice)
    {
        slice.Begin();
        _skipped = 0;
        var state = CopyNext(slice);
        slice.End();
        return state is CursorState.Lapped && slice.Length > 0 ? CursorState.SliceAndMore : state;
    }

    private CursorState CopyNext(Slice slice)
    {
        while (slice.Length < LongestWrite)
        {
            if (_copy.IsDone)
            {
                if (!TryFindNext(out var next))
                    return _isReplaying ? CursorState.SliceAndMore : slice.Length > 0 ? CursorState.Slice : CursorState.CaughtUp;

                Begin(next);
            }

            if (!_copy.TryWrite(slice, LongestWrite - slice.Length))
                return CursorState.Lapped;
        }

        return CursorState.SliceAndMore;
    }

    private void Begin(FrameLocation frame)
    {
        _last = frame.Sequence;
        _copy.Begin(frame);
        if (_isReplaying)
            counts.CountReplayed(1);
    }

    // False with _isReplaying still set means that the search is to go on later.
    private bool TryFindNext(out FrameLocation next)
    {
        for (; _isReplaying && _skipped < LongestSearch; _skipped++)
        {
            _isReplaying = _replay.TryPeek(out next) && next.Sequence <= range.Through;
            if (_isReplaying && IsMissed(next))
                return true;

            _replay.Advance(1);
        }

        next = default;
        if (_isReplaying)
            return false;

        // A cursor keeps all later parts of the index in memory.
        _replay = default;
        return TryFindLive(out next);
    }

    private bool IsMissed(FrameLocation frame) =>
        frame.Sequence > _last && selection.Includes(frame.Channel) && !(frame.IsDropped && frame.Segment.DropNumber <= range.Drops);

    private bool TryFindLive(out FrameLocation next)
    {
        next = default;
        var published = LogIndex.Published;
        foreach (ref var cursor in live.AsSpan())
        {
            if (TryPeek(ref cursor, published, out var frame) && (next.Sequence == 0 || frame.Sequence < next.Sequence))
                next = frame;
        }

        return next.Sequence > 0;
    }

    private bool TryPeek(ref Cursor<FrameLocation> cursor, long published, out FrameLocation frame)
    {
        while (cursor.TryPeek(out frame) && frame.Sequence <= published)
        {
            if (frame.Sequence > _last && selection.MayHear(frame.Channel))
                return true;

            cursor.Advance(1);
        }

        return false;
    }
}

/// <summary>What a client is to get that was published before it joined.</summary>
/// <param name="After">The number of the last frame that it has.</param>
/// <param name="Through">The number of the last frame before it joined.</param>
/// <param name="Drops">How many segments had been dropped when it joined; it does without those.</param>
internal readonly record struct ReplayRange(long After, long Through, long Drops);
