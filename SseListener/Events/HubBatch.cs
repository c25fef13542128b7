namespace SseListener.Events;

/// <summary>All that the hub's loop knows of the batch that it is working on. For the loop only.</summary>
internal sealed class HubBatch
{
    /// <summary>What waited for the loop, in order.</summary>
    public List<HubWork> Work { get; } = [];

    /// <summary>The frames of what is to be published.</summary>
    public FrameBatch Frames { get; } = new();

    /// <summary>The places in <see cref="Frames"/> of those that came with an id of their own.</summary>
    public Dictionary<string, int> PlacesById { get; } = new(StringComparer.Ordinal);

    /// <summary>What became of each publish when it was encoded.</summary>
    public List<EncodedPublish> Publishes { get; } = [];

    /// <summary>What became of each subscribe.</summary>
    public List<(Subscribe Work, SubscribeResult Result)> Subscribes { get; } = [];

    /// <summary>Whether the frames are stored.</summary>
    public Stored Stored { get; set; }

    /// <summary>The topics that have something new.</summary>
    public HashSet<Topic> Appended { get; } = [];

    /// <summary>Begins another batch.</summary>
    /// <param name="sequence">The number of its first frame.</param>
    /// <param name="time">Now, as <see cref="SteadyClock"/> counts.</param>
    public void Begin(long sequence, long time)
    {
        Work.Clear();
        Frames.Begin(sequence, time);
        PlacesById.Clear();
        Publishes.Clear();
        Subscribes.Clear();
        Stored = Stored.All;
        Appended.Clear();
    }
}

/// <summary>A publish whose frames are in a batch.</summary>
/// <param name="Work">The publish.</param>
/// <param name="Ids">The ids of its events.</param>
/// <param name="IsNew">Whether it has added frames, or a publish before it in the batch has added the same.</param>
/// <param name="Conflict">The id that another event has; null for none.</param>
/// <param name="HasChannel">Whether there was room for its channel.</param>
internal readonly record struct EncodedPublish(Publish Work, string[] Ids, bool IsNew, string? Conflict, bool HasChannel)
{
    /// <summary>What its publisher is told.</summary>
    /// <param name="stored">Whether the batch is stored.</param>
    public PublishResult ResultOf(Stored stored) =>
        !HasChannel ? new PublishResult.TooManyChannels()

        // The event that it conflicts with may be one that could not be stored.
        : stored is not Stored.All && (IsNew || Conflict is not null) ? NotStored(stored)
        : Conflict is not null ? new PublishResult.Conflict(Conflict)
        : new PublishResult.Published(Ids);

    private static PublishResult NotStored(Stored stored) =>
        stored is Stored.Unknown ? new PublishResult.Unknown() : new PublishResult.NotStored();
}
