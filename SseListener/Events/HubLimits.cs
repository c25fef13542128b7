namespace SseListener.Events;

/// <summary>What a hub keeps: bytes of frames over all channels, for how long, and of how many channels.</summary>
internal sealed record HubLimits(long HistoryBytes, TimeSpan HistoryAge, int MaxChannels)
{
    /// <summary>What is kept of some channels in place of that, each pattern once.</summary>
    public IReadOnlyList<KeepRule> Rules { get; init; } = [];

    /// <summary>Bytes of all allowances together.</summary>
    public long AllBytes =>
        Rules.Aggregate(HistoryBytes, (sum, rule) => long.CreateSaturating((Int128)sum + (rule.Bytes ?? HistoryBytes)));

    public TimeSpan ShortestAge => Rules.Select(rule => rule.Age ?? HistoryAge).Append(HistoryAge).Min();
    public TimeSpan LongestAge => Rules.Select(rule => rule.Age ?? HistoryAge).Append(HistoryAge).Max();
}
