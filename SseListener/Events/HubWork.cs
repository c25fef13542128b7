namespace SseListener.Events;

/// <summary>Something that waits for the hub's loop.</summary>
internal abstract record HubWork;

/// <summary>Something that is answered, on another thread: the hub's loop does not run what is done with the answer.</summary>
internal abstract record HubWork<T> : HubWork
{
    /// <summary>Null when there is nothing to give: a client gets no place when there would be too many channels.</summary>
    public TaskCompletionSource<T?> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
}

/// <summary>Events are to be published to a channel in this order, with nothing in between; all of them or none.</summary>
internal sealed record Publish(string Channel, IReadOnlyList<SseEvent> Events) : HubWork<PublishResult>;

internal sealed record Subscribe(SubscribeRequest Request) : HubWork<Subscription>;

internal sealed record Unsubscribe(Subscription Subscription) : HubWork;

/// <summary>What has become too old is to be dropped.</summary>
internal sealed record Expire : HubWork;

/// <summary>What became of a publish: nothing was published, unless it is said.</summary>
internal abstract record PublishResult
{
    /// <summary>It is stored, and every subscriber has been set to receive it. The ids are in the events' order.</summary>
    internal sealed record Published(string[] Ids) : PublishResult;

    /// <summary>There is another event with this id.</summary>
    internal sealed record Conflict(string Id) : PublishResult;

    internal sealed record TooManyChannels : PublishResult;
    internal sealed record NotStored : PublishResult;

    /// <summary>It could not be stored, and a restart may find it all the same.</summary>
    internal sealed record Unknown : PublishResult;
}
