using SseListener.Delivery;
using SseListener.Events;

namespace SseListener.Tests.Support;

/// <summary>A client without a server, as its lane sees it.</summary>
internal static class LoneClient
{
    /// <summary>Of lanes that leave it alone.</summary>
    public static LaneOptions LaneOptions { get; } = new(TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(1), PresenceLimit: 0, topic => topic.Clients, _ => "");

    /// <summary>One that listens to a single channel, from the oldest frame that is kept.</summary>
    /// <param name="log">The channel's log.</param>
    /// <param name="output">Takes what it is sent.</param>
    /// <param name="lifetime">When it ends by itself; null for never.</param>
    public static Client Of(ChannelLog log, Output output, Lifetime? lifetime = null) =>
        new("c", output, SubscriptionOf([log], log), lifetime ?? new Lifetime(long.MaxValue, EndReason.MaxAge));

    /// <summary>One to these topics that brings what is kept of a channel.</summary>
    public static Subscription SubscriptionOf(Topic[] topics, ChannelLog log) =>
        new(topics, new ChannelFeed(new LogIndex(new Allowances(1000, TimeSpan.FromHours(1))), log.After(0)), Place: 0, Envelope.None, HasGap: false);
}
