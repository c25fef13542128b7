namespace SseListener.Events;

/// <summary>What a hub has done since it began. The hub's writer counts, what is replayed any thread; any thread may read.</summary>
internal sealed class HubCounts
{
    private long _replayed;

    /// <summary>Events that were published; those that were not delivered again are not among them.</summary>
    public long Published { get; set; }
    public long PublishedBytes { get; set; }

    /// <summary>Clients that were told that something is missing.</summary>
    public long Gaps { get; set; }

    /// <summary>Events that clients were given, or set to be given, because they had missed them.</summary>
    public long Replayed => Volatile.Read(ref _replayed);

    public void CountReplayed(long frames) => Interlocked.Add(ref _replayed, frames);
}
