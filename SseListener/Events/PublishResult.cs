namespace SseListener.Events;

/// <summary>What became of a publish.</summary>
internal abstract record PublishResult
{
    /// <summary>It is stored, and every subscriber has been set to receive it.</summary>
    /// <param name="Ids">The events' ids, in their order.</param>
    internal sealed record Published(string[] Ids) : PublishResult;

    /// <summary>Nothing was published: there is another event with this id.</summary>
    /// <param name="Id">The id.</param>
    internal sealed record Conflict(string Id) : PublishResult;

    /// <summary>Nothing was published: there are too many channels.</summary>
    internal sealed record TooManyChannels : PublishResult;

    /// <summary>Nothing was published, for it could not be stored.</summary>
    internal sealed record NotStored : PublishResult;

    /// <summary>It could not be stored, and a restart may find it all the same.</summary>
    internal sealed record Unknown : PublishResult;
}
