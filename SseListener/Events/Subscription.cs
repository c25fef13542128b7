namespace SseListener.Events;

/// <summary>A client's place on a channel, as the hub's writer gave it.</summary>
/// <param name="Log">The channel's log.</param>
/// <param name="Start">Where the client begins to read.</param>
/// <param name="HasGap">Whether events were dropped, or never known, between the client's last id and <paramref name="Start"/>.</param>
internal sealed record Subscription(ChannelLog Log, Cursor Start, bool HasGap);
