namespace SseListener.Events;

/// <summary>What a client is to get, in order. For its lane's thread, but for <see cref="Written"/>.</summary>
internal abstract class Feed
{
    /// <summary>Frames that have been taken and not counted yet.</summary>
    protected int Frames { get; set; }

    /// <summary>Whether everything that may be delivered has been taken.</summary>
    public abstract bool IsCaughtUp { get; }

    /// <summary>Whether what comes next, or what was taken last, has been dropped.</summary>
    public abstract bool IsLapped { get; }

    /// <summary>Whether what was taken ends with a whole frame; it may say no although it does.</summary>
    public abstract bool IsBehindFrame { get; }

    /// <summary>Whether what was taken last ends only because its segment does, so that more is at hand.</summary>
    public virtual bool IsAtSegmentEnd => false;

    /// <summary>Takes the next bytes, of which there may be none even though there is more to come.</summary>
    /// <param name="limit">About how many at most.</param>
    /// <param name="slice">The bytes; good until <see cref="Written"/>.</param>
    public abstract CursorState Take(int limit, out ArraySegment<byte> slice);

    /// <summary>Gives back the bytes that were taken. On whatever thread their write has ended.</summary>
    public virtual void Written()
    {
    }

    /// <summary>Counts the frames that were taken since the last call, by their ends.</summary>
    public int CountTaken()
    {
        var frames = Frames;
        Frames = 0;
        return frames;
    }
}

/// <summary>One channel, straight from its log: nothing is copied.</summary>
internal sealed class ChannelFeed(Cursor start) : Feed
{
    private Cursor _cursor = start;

    /// <inheritdoc/>
    public override bool IsCaughtUp => _cursor.Read(1, out _) is CursorState.CaughtUp;

    /// <inheritdoc/>
    public override bool IsLapped => _cursor.IsLapped;

    /// <inheritdoc/>
    public override bool IsBehindFrame => _cursor.IsAtEdge;

    /// <inheritdoc/>
    public override bool IsAtSegmentEnd => _cursor.IsAtEdge;

    /// <inheritdoc/>
    public override CursorState Take(int limit, out ArraySegment<byte> slice)
    {
        var state = _cursor.Read(limit, out slice);
        _cursor.Advance(slice.Count);
        Frames += _cursor.CountPassed();
        return state;
    }
}
