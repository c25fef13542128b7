namespace SseListener.Events;

/// <summary>Something that waits for the hub's loop.</summary>
internal abstract record HubWork;

/// <summary>Events are to be published in this order, with nothing in between; all of them or none.</summary>
/// <param name="Channel">The channel's name.</param>
/// <param name="Events">The events.</param>
internal sealed record Publish(string Channel, IReadOnlyList<SseEvent> Events) : HubWork
{
    /// <summary>Takes what became of it.</summary>
    public Answer<PublishResult> Answer { get; } = new();
}

/// <summary>A client is to get its place on its channels.</summary>
/// <param name="Request">What it asks for.</param>
internal sealed record Subscribe(SubscribeRequest Request) : HubWork
{
    /// <summary>Takes what became of it.</summary>
    public Answer<SubscribeResult> Answer { get; } = new();
}

/// <summary>A client has gone.</summary>
/// <param name="Subscription">What it had got.</param>
internal sealed record Unsubscribe(SubscribeResult.Subscription Subscription) : HubWork;

/// <summary>What has become too old is to go.</summary>
internal sealed record Expire : HubWork;

/// <summary>An answer that somebody waits for, on another thread: the hub's loop must not wait for what is done with it.</summary>
internal sealed class Answer<T>() : TaskCompletionSource<T?>(TaskCreationOptions.RunContinuationsAsynchronously)
    where T : class;
