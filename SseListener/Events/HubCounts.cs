namespace SseListener.Events;

/// <summary>What a hub has done since it began. The hub's writer counts, what is replayed any thread; any thread may read.</summary>
internal sealed class HubCounts
{
    private long _replayed;

    public long Published { get; set; }
    public long PublishedBytes { get; set; }
    public long Gaps { get; set; }

    /// <summary>Events that clients were given, or set to be given, because they had missed them.</summary>
    public long Replayed => Volatile.Read(ref _replayed);
    public void CountReplayed(long frames) => Interlocked.Add(ref _replayed, frames);
}
