namespace SseListener.Events;

/// <summary>
/// Fills a store, at the start, with what a log of this machine had stored: by the rules of what is kept, and with what is known of the
/// rest.
/// </summary>
/// <param name="store">The store, which is empty.</param>
/// <param name="dropped">Is told the number and length of each frame that is kept no longer, where asked to.</param>
internal sealed class Restoration(EventStore store, Action<long, int>? dropped = null)
{
    private bool _hasRestored;
    private bool _lacksDropped; // The log has been cleaned: of dropped frames it has the last of each channel.

    private LogIndex LogIndex => store.History.LogIndex;
    private Allowances Allowances => store.History.Allowances;

    /// <inheritdoc cref="RestoreFrame"/>
    public void Restore(long sequence, string channels, long time, ReadOnlySpan<byte> frame)
    {
        if (!_hasRestored)
            Allowances.CountUnknown(sequence - 1);

        _hasRestored = true;
        _lacksDropped |= frame.IsEmpty;
        var names = channels.Length == 0 ? [] : ChannelSet.Split(channels);
        if (frame.IsEmpty)
            Array.ForEach(names, name => store.History.AppendDropped(store.Topics.Open(name), sequence));
        else
            Restore(sequence, channels, names, time, frame);
    }

    /// <summary>Numbers frames from where the log ended.</summary>
    public void ContinueAfter(IEventLog log)
    {
        if (!_hasRestored)
            Allowances.CountUnknown(log.Last);

        if (_lacksDropped)
            LogIndex.MarkCompacted(log.Last);

        LogIndex.ContinueAfter(log.Last, log.Starts, log.Skipped);
        store.Positions.UseKey(log.Key);
    }

    // In each channel by the rule for it: of another kind there may be older ones that are kept.
    private void Restore(long sequence, string channels, string[] names, long time, ReadOnlySpan<byte> frame)
    {
        var now = SteadyClock.Now;
        foreach (var allowance in names.Select(Allowances.Of).Where(allowance => allowance.IsTooOld(time, now)))
        {
            allowance.CountUnknown(sequence);
            LogIndex.MarkCompacted(sequence);
        }

        var young = Array.FindAll(names, name => !Allowances.Of(name).IsTooOld(time, now));
        if (young.Length > 0)
            store.Restore(sequence, channels, young, time, frame);
        else
            dropped?.Invoke(sequence, frame.Length);
    }
}
