
namespace SseListener.Events;

/// <summary>What somebody wants to listen to.</summary>
/// <param name="Client">The new client's id.</param>
/// <param name="Selection">The channels.</param>
/// <param name="IsEnveloped">Whether the data are to name their channel.</param>
/// <param name="LastEventId">The last event that it has: all that is kept when it is unknown, and only what is new when null.</param>
internal sealed record SubscribeRequest(string Client, Selection Selection, bool IsEnveloped, string? LastEventId);

/// <summary>What became of it.</summary>
internal abstract record SubscribeResult
{
    /// <summary>A client has its place.</summary>
    /// <param name="Topics">What it listens to.</param>
    /// <param name="Feed">What it is to get.</param>
    /// <param name="Place">The number of the last frame before what it is to get.</param>
    /// <param name="IsEnveloped">Whether the data are to name their channel.</param>
    /// <param name="HasGap">Whether events were dropped, or never known, between its last id and what it gets.</param>
    internal sealed record Subscription(IReadOnlyList<Topic> Topics, Feed Feed, long Place, bool IsEnveloped, bool HasGap) : SubscribeResult;

    /// <summary>There are too many channels.</summary>
    internal sealed record TooManyChannels : SubscribeResult;
}
