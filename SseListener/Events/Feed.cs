namespace SseListener.Events;

/// <summary>What a client is to get, in order. For its lane's thread.</summary>
internal abstract class Feed(LogIndex logIndex)
{
    protected LogIndex LogIndex => logIndex;

    /// <summary>Whether everything that may be delivered has been read.</summary>
    public abstract bool IsCaughtUp { get; }
    public abstract bool IsLapped { get; }

    /// <summary>Fills a slice with what comes next, which may be nothing even though there is more to come.</summary>
    public abstract CursorState Fill(Slice slice);

    /// <summary>Finds the number up to which all has been read; false when there is more to read, or just being appended.</summary>
    public bool TryGetPlace(out long place)
    {
        // A batch raises Appending, which is read last here, before its first frame can be read, and Published behind its last frame.
        // So when they are equal, no half of a batch has been read.
        place = logIndex.Published;
        return IsCaughtUp && logIndex.Appending == place;
    }
}

/// <summary>One channel, straight from its log.</summary>
internal sealed class ChannelFeed(LogIndex logIndex, Cursor<byte> start) : Feed(logIndex)
{
    private Cursor<byte> _cursor = start;

    public override bool IsCaughtUp => _cursor.Read(1, out _) is CursorState.CaughtUp;
    public override bool IsLapped => _cursor.Read(1, out _) is CursorState.Lapped;
    public override CursorState Fill(Slice slice) => slice.Fill(ref _cursor);
}

/// <summary>
/// Several channels, or one in envelopes, as one stream, in the order of the frames' numbers: first what was missed, from the index of all
/// frames, then what is new, from the index of each topic. A frame that is in two of them is sent once.
/// </summary>
internal sealed class MergedFeed(
    LogIndex logIndex, HubCounts counts, Selection selection, Cursor<FrameLocation>[] live, ReplayRange range, Envelope envelope)
    : Feed(logIndex)
{
    private const int LongestSearch = 1024; // Frames of other channels that are skipped for one write: other clients wait.
    private const int LongestWrite = 16 * 1024; // What a slow client does not take at once is copied, and held until it has been sent.
    private readonly FrameCopy _copy = new(envelope);
    private ReplayRange _range = range;
    private bool _isReplaying = range.Beginning.Place < range.Through;
    private Cursor<FrameLocation> _replay = range.Beginning.Place < range.Through ? logIndex.After(range.Beginning.Place) : default;
    private long _last = range.Beginning.Place;
    private int _skipped;

    // Finding the next frame moves the cursors past those that are not for the client.
    public override bool IsCaughtUp => _copy.IsDone && !TryFindNext(out _) && !_isReplaying;
    public override bool IsLapped => HasGivenWay || (_copy.IsDone ? TryFindNext(out var next) && next.IsGone : _copy.IsLapped);

    /// <summary>What the places of its beginning take; null for nothing, or no longer.</summary>
    public IDisposable? Share { get; set; }
    private bool HasGivenWay => _range.Beginning?.Channels is { HasGivenWay: true };

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
        if (HasGivenWay)
            return CursorState.Lapped;

        while (slice.Length < LongestWrite)
        {
            if (_copy.IsDone)
            {
                if (!TryFindNext(out var next))
                    return _isReplaying ? CursorState.SliceAndMore : slice.Length > 0 ? CursorState.Slice : CursorState.CaughtUp;

                _last = next.Sequence;
                _copy.Begin(next);
                if (_isReplaying)
                    counts.CountReplayed(1);
            }

            if (!_copy.TryWrite(slice, LongestWrite - slice.Length))
                return CursorState.Lapped;
        }

        return CursorState.SliceAndMore;
    }

    // False with _isReplaying still set means that the search is to go on later.
    private bool TryFindNext(out FrameLocation next)
    {
        for (; _isReplaying && _skipped < LongestSearch; _skipped++)
        {
            _isReplaying = _replay.TryPeek(out next) && next.Sequence <= _range.Through;
            if (_isReplaying && IsMissed(next))
                return true;

            _replay.Advance(1);
        }

        // Its places may have given way at any moment, and what was passed over since then it would miss.
        next = default;
        _isReplaying |= HasGivenWay;
        if (_isReplaying)
            return false;

        // A cursor keeps all later parts of the index in memory, and a range perhaps the names of all channels.
        Share?.Dispose();
        (_replay, _range, Share) = (default, default, null);
        return TryFindLive(out next);
    }

    private bool IsMissed(FrameLocation frame) =>
        frame.Sequence > _last && frame.Sequence > _range.Beginning.PlaceIn(frame.Channel) && selection.Includes(frame.Channel)
        && frame.Segment.DropNumber > _range.Drops;

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
        for (; cursor.TryPeek(out frame) && frame.Sequence <= published; cursor.Advance(1))
        {
            if (frame.Sequence > _last && selection.MayHear(frame.Channel))
                return true;
        }

        return false;
    }
}

/// <summary>
/// The frames that a client replays: from its beginning up to Through, except those that went with the first Drops drops.
/// </summary>
internal readonly record struct ReplayRange(Beginning Beginning, long Through, long Drops);
