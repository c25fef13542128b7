namespace SseListener.Events;

/// <summary>Something that waits for the hub's loop.</summary>
internal abstract record HubWork;

/// <summary>Something that is answered, on another thread: the hub's loop does not run what is done with the answer.</summary>
internal abstract record HubWork<T> : HubWork
{
    /// <summary>The answer; null when the hub has stopped.</summary>
    public TaskCompletionSource<T?> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
}

/// <summary>Events are to be published to a channel in this order, with nothing in between; all of them or none.</summary>
internal sealed record Publish(string Channel, IReadOnlyList<SseEvent> Events) : HubWork<PublishResult>;

/// <summary>A client is to get its place on its channels.</summary>
internal sealed record Subscribe(SubscribeRequest Request) : HubWork<Subscription>;

/// <summary>A client has gone.</summary>
internal sealed record Unsubscribe(Subscription Subscription) : HubWork;

/// <summary>What has become too old is to be dropped.</summary>
internal sealed record Expire : HubWork;

/// <summary>What became of a publish.</summary>
internal abstract record PublishResult
{
    /// <summary>It is stored, and every subscriber has been set to receive it. The ids are in the events' order.</summary>
    internal sealed record Published(string[] Ids) : PublishResult;

    /// <summary>Nothing was published: there is another event with this id.</summary>
    internal sealed record Conflict(string Id) : PublishResult;

    /// <summary>Nothing was published.</summary>
    internal sealed record TooManyChannels : PublishResult;

    /// <summary>Nothing was published.</summary>
    internal sealed record NotStored : PublishResult;

    /// <summary>It could not be stored, and a restart may find it all the same.</summary>
    internal sealed record Unknown : PublishResult;
}
