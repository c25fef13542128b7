namespace SseListener.Events;

/// <summary>What a client is to get, in order. For its lane's thread.</summary>
internal abstract class Feed(LogIndex timeline)
{
    /// <summary>The order of all frames.</summary>
    protected LogIndex LogIndex => timeline;

    /// <summary>Whether everything that may be delivered has been taken.</summary>
    public abstract bool IsCaughtUp { get; }

    /// <summary>Whether what comes next has been dropped.</summary>
    public abstract bool IsLapped { get; }

    /// <summary>
    /// Finds the place behind all that was taken; false when there is more to take, or more is being appended just now.
    /// </summary>
    /// <param name="place">The number of the last frame before it.</param>
    public bool TryGetPlace(out long place)
    {
        // What may be read already is asked for last: a frame that was read by mistake is counted there.
        place = timeline.Published;
        return IsCaughtUp && timeline.Appending == place;
    }

    /// <summary>Fills a slice with what comes next, which may be nothing even though there is more to come.</summary>
    public abstract CursorState Take(Slice slice);
}

/// <summary>One channel, straight from its log.</summary>
internal sealed class ChannelFeed(LogIndex timeline, Cursor start) : Feed(timeline)
{
    private Cursor _cursor = start;

    /// <inheritdoc/>
    public override bool IsCaughtUp => _cursor.Read(1, out _) is CursorState.CaughtUp;

    /// <inheritdoc/>
    public override bool IsLapped => _cursor.IsLapped;

    /// <inheritdoc/>
    public override CursorState Take(Slice slice) => slice.Fill(ref _cursor);
}
