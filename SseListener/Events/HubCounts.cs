namespace SseListener.Events;

/// <summary>What a hub has done since it began. The hub's writer counts, but for <see cref="CountReplayed"/>; any thread may read.</summary>
internal sealed class HubCounts
{
    private long _published;
    private long _publishedBytes;
    private long _gaps;
    private long _replayed;

    /// <summary>Events that were published; those that were not delivered again are not among them.</summary>
    public long Published => Volatile.Read(ref _published);

    /// <summary>Bytes of their frames.</summary>
    public long PublishedBytes => Volatile.Read(ref _publishedBytes);

    /// <summary>Clients that were told that something is missing.</summary>
    public long Gaps => Volatile.Read(ref _gaps);

    /// <summary>Events that clients were given, or set to be given, because they had missed them.</summary>
    public long Replayed => Volatile.Read(ref _replayed);

    /// <summary>Counts an event.</summary>
    public void CountPublished(int bytes)
    {
        Volatile.Write(ref _published, _published + 1);
        Volatile.Write(ref _publishedBytes, _publishedBytes + bytes);
    }

    /// <summary>Counts a gap.</summary>
    public void CountGap() => Volatile.Write(ref _gaps, _gaps + 1);

    /// <summary>Counts what a client had missed. On any thread.</summary>
    public void CountReplayed(long frames) => Interlocked.Add(ref _replayed, frames);
}
