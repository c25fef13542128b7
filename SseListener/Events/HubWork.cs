namespace SseListener.Events;

/// <summary>Something that waits for the hub's writer.</summary>
internal abstract record HubWork
{
    /// <summary>Answers it, if it is a question; other work is not answered here.</summary>
    public virtual void AnswerFrom(EventStore store)
    {
    }
}

/// <summary>Work that has an answer: null if there is nothing to give. What awaits it never runs on the hub's writer.</summary>
internal abstract record HubWork<T> : HubWork
{
    public TaskCompletionSource<T?> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
}

/// <summary>What becomes of a channel: it goes on, has ended, or is forgotten, which is as if it had never been.</summary>
internal enum ChannelChange { None, End, Forget }

/// <summary>
/// Events to publish, perhaps none, to these channels where they name none themselves, and what is to become of the channels behind them.
/// </summary>
internal sealed record Publish(IReadOnlyList<string> Channels, IReadOnlyList<SseEvent> Events, ChannelChange Change)
    : HubWork<PublishResult>
{
    /// <summary>Since when it waits, in milliseconds of the system's ticks.</summary>
    public long Since { get; } = Environment.TickCount64;

    /// <summary>How many events it has, and what it changes, each counted in each of its channels.</summary>
    public long Copies =>
        Events.Sum(sseEvent => (long)(sseEvent.Channels ?? Channels).Count) + (Change is ChannelChange.None ? 0 : AllChannels.Count());

    /// <summary>All channels that it is about.</summary>
    public IEnumerable<string> AllChannels =>
        Events.All(sseEvent => sseEvent.Channels is null) ? Channels
            : Events.SelectMany(sseEvent => sseEvent.Channels ?? Channels).Distinct();
}

/// <summary>Finds something in what the hub keeps, and changes nothing. Publishers wait meanwhile, so it looks at little.</summary>
internal sealed record Question<T>(Func<EventStore, T?> Find) : HubWork<T> where T : class
{
    public override void AnswerFrom(EventStore store) => Answer.SetResult(Find(store));
}

internal sealed record Subscribe(SubscribeRequest Request) : HubWork<Subscription>;
internal sealed record Unsubscribe(Subscription Subscription) : HubWork;

/// <summary>Which frames are no longer kept, of those that had been applied.</summary>
/// <param name="ByChannel">
/// For each channel the highest number of a frame that it no longer keeps, and the highest that a channel of its allowance may have had
/// that is gone.
/// </param>
internal sealed record DroppedFrames(IReadOnlyDictionary<string, (long Channel, long Unknown)> ByChannel)
{
    /// <summary>Whether a frame is kept in one of its channels.</summary>
    public bool Keeps(string channels, long sequence) =>
        Array.Exists(ChannelSet.Split(channels), name => sequence > ByChannel[name].Channel);

    /// <summary>
    /// Whether a dropped frame is the newest one of a channel, or of those of its allowance that are gone: then its line has to stay.
    /// </summary>
    public bool IsLastDropped(string channels, long sequence) => Array.Exists(
        ChannelSet.Split(channels), name => sequence == ByChannel[name].Channel || sequence == ByChannel[name].Unknown);
}

/// <summary>What has become too old is to be dropped.</summary>
internal sealed record Expire : HubWork;

/// <summary>
/// How many events are kept of a channel, and the bytes of their frames, as it is when the log ends with the number of a place. The channel
/// is null when nothing is kept of it and nobody listens to it here.
/// </summary>
internal sealed record ChannelState(Topic? Channel, long Events, long Bytes, long Place);

/// <summary>What a log that hubs share brings, in its order. Answered with itself once it is applied.</summary>
/// <param name="Frames">What any hub has stored.</param>
/// <param name="Last">Up to which number the log is known now.</param>
/// <param name="Lost">Up to which number frames are missing; 0 for none.</param>
/// <param name="Answers">What became of publishes of this hub.</param>
/// <param name="IsNew">False for what was stored before the hub was started.</param>
internal sealed record Arrived(
    IReadOnlyList<ArrivedFrame> Frames, long Last, long Lost, IReadOnlyList<(Publish Work, PublishResult Result)> Answers, bool IsNew)
    : HubWork<Arrived>;

/// <summary>A frame that has come, with its number, its channels, and when it was stored, in Unix milliseconds.</summary>
internal readonly record struct ArrivedFrame(long Sequence, string Channels, long Time, ReadOnlyMemory<byte> Bytes);

/// <summary>What became of a publish. Nothing was published except with Published, and perhaps with Unknown and Uncertain.</summary>
internal abstract record PublishResult
{
    /// <summary>It is stored, and the lanes of all subscribers have been woken. The ids are in the events' order.</summary>
    internal sealed record Published(string[] Ids) : PublishResult;

    /// <summary>There is another event with this id.</summary>
    internal sealed record Conflict(string Id) : PublishResult;

    /// <summary>The channel has ended.</summary>
    internal sealed record Ended(string Channel) : PublishResult;
    internal sealed record TooManyChannels : PublishResult;
    internal sealed record NotStored : PublishResult;

    /// <summary>The log takes at most so many bytes at once.</summary>
    internal sealed record TooLarge(int MostBytes) : PublishResult;

    /// <summary>A frame is larger than what is kept of its channel, at most so many bytes, as an option says.</summary>
    internal sealed record TooLargeToKeep(long MostBytes, string Setting) : PublishResult;

    /// <summary>A log that hubs share has not said in time whether it is stored. With these ids it can be published again safely.</summary>
    internal sealed record Uncertain(string[] Ids) : PublishResult;

    /// <summary>A log that hubs share has it with too old a view of other events: the hub has to store it again.</summary>
    internal sealed record Stale : PublishResult;

    /// <summary>It could not be stored, and a restart may find it all the same.</summary>
    internal sealed record Unknown : PublishResult;
}
