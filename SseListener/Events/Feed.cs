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

    /// <summary>Finds the number of the last frame that was read; false when there is more to read, or just being appended.</summary>
    public bool TryGetPlace(out long place)
    {
        // Appending is read last: a frame of an unfinished batch that was read already is counted there.
        place = logIndex.Published;
        return IsCaughtUp && logIndex.Appending == place;
    }
}

/// <summary>One channel, straight from its log.</summary>
internal sealed class ChannelFeed(LogIndex logIndex, Cursor<byte> start) : Feed(logIndex)
{
    private Cursor<byte> _cursor = start;

    public override bool IsCaughtUp => _cursor.Read(1, out _) is CursorState.CaughtUp;
    public override bool IsLapped => _cursor.IsLapped;

    public override CursorState Fill(Slice slice) => slice.Fill(ref _cursor);
}
