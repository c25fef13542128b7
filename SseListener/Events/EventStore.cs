namespace SseListener.Events;

/// <summary>
/// All channels and what is kept of them, and the place of each client in it. What is no longer kept is known of a channel (its log), of
/// the channels of an allowance and those of them that are gone (<see cref="Allowance"/>), and of all (<see cref="LogIndex"/>). For the
/// hub's writer, but any thread may read <see cref="Counts"/> and use <see cref="Positions"/>.
/// </summary>
internal sealed class EventStore
{
    private const long MostRewinds = 20; // Through all channels, at a time: the places in 100,000 take 60 MB.
    private readonly List<ChannelLog> _endings = []; // Of which clients do not know yet.
    private readonly Quota _rewinds;
    private long _time;

    /// <summary>
    /// An empty store, which tells <paramref name="dropped"/> the number and length of each frame that is no longer kept, where asked to.
    /// </summary>
    public EventStore(HubLimits limits, Action<long, int>? dropped = null)
    {
        var allowances = new Allowances(limits.HistoryBytes, limits.HistoryAge, limits.Rules);
        Topics = new TopicTable(limits.MaxChannels, allowances);
        History = new History(allowances, Topics.MayBeIdle, dropped);
        _rewinds = new Quota(MostRewinds * limits.MaxChannels);
        Beginnings = new Beginnings(Topics, History, Positions);
    }

    public TopicTable Topics { get; }
    public Beginnings Beginnings { get; }
    public History History { get; }
    public HubCounts Counts { get; } = new();
    public PositionCipher Positions { get; } = new();

    /// <summary>
    /// Appends a frame that a log of this machine had stored, of all these names, to those channels that may still have it.
    /// </summary>
    public void Restore(long sequence, string names, string[] channels, long time, ReadOnlySpan<byte> frame)
    {
        Append(SetOf(channels, frame, Topics.Open) with { Names = names }, frame, sequence, time);
        History.Trim(sequence);
    }

    /// <summary>Finds what is no longer kept of channels with these names.</summary>
    public DroppedFrames FindDropped(IEnumerable<string> channels) => new(channels.ToDictionary(name => name, FindDropped));

    /// <summary>
    /// Opens channels. If there are too many, the longest silent one gives way; null if there is none, or the batch has a frame for it.
    /// </summary>
    public ChannelSet? Open(IReadOnlyList<string> names, FrameBatch batch)
    {
        var set = new ChannelSet(ChannelSet.NamesOf(names), new ChannelLog[names.Count]);
        for (var i = 0; i < names.Count; i++)
        {
            while (!Topics.HasRoomFor(names[i]))
            {
                if (Topics.FindSilent(batch.Number) is not { } silent)
                    return null;

                GiveUp(silent);
            }

            set.Logs[i] = Topics.Open(names[i]);
            set.Logs[i].LastBatch = batch.Number;
        }

        return set;
    }

    /// <summary>Appends the frames of a batch that has been stored, and adds the topics that have something new.</summary>
    public void Append(FrameBatch batch, HashSet<Topic> appended)
    {
        History.LogIndex.Appending = batch.Frames[^1].Sequence;
        Counts.Published += batch.Frames.Count;
        Counts.PublishedBytes += batch.FrameBytes;
        foreach (var frame in batch.Frames)
            Append(frame.Channels, batch.BytesOf(frame), frame.Sequence, batch.Time, appended);
    }

    /// <summary>Appends what has come from a log that hubs share, and adds the topics that have something new.</summary>
    public void Apply(Arrived arrived, HashSet<Topic> appended)
    {
        History.LogIndex.Appending = arrived.Last;
        foreach (var frame in arrived.Frames)
        {
            // Clocks of several machines: no frame is older than the one before it, and none is of the future.
            _time = Math.Max(_time, Math.Min(frame.Time, SteadyClock.Now));
            var isAgain = History.TryFind(SseFrame.IdOf(frame.Bytes.Span), out _);
            var channels = SetOf(ChannelSet.Split(frame.Channels), frame.Bytes.Span, OpenAnyway);
            Append(channels, frame.Bytes.Span, frame.Sequence, _time, appended);

            // Another hub had forgotten the id: a client that names it may have had the one or the other.
            if (isAgain)
                History.ForgetId(SseFrame.IdOf(frame.Bytes.Span));

            Counts.Published += arrived.IsNew ? 1 : 0;
            Counts.PublishedBytes += arrived.IsNew ? frame.Bytes.Length : 0;
        }

        History.LogIndex.AdvanceTo(arrived.Last);
    }

    /// <summary>Drops all there is. Frames up to this number are missing, and nobody knows of which channels.</summary>
    public void Lose(long sequence)
    {
        History.DropAll();
        History.LogIndex.StartOver(sequence);
        Topics.Lose(sequence);
    }

    /// <summary>Finds out what is kept of a channel, if there is one of this name.</summary>
    public ChannelState Inspect(string channel)
    {
        var (log, place) = (Topics.FindChannel(channel), History.LogIndex.Last);
        return new ChannelState(log, log?.Kept.Events ?? 0, log?.Kept.Bytes ?? 0, place);
    }

    public Subscription? Subscribe(SubscribeRequest request)
    {
        if (Topics.Listen(request.Selection.Topics) is not { } topics)
            return null;

        var beginning = Beginnings.Find(request, topics);
        Counts.Gaps += beginning.HasGap ? 1 : 0;

        // It lasts as long as the client: of the request it keeps the selection and the places.
        return new Subscription(topics, OpenFeed(request, topics, beginning), beginning.Place, request.Envelope, beginning.HasGap)
        {
            HasAll = request.LastEventId is not null && !beginning.HasGap
                && Array.TrueForAll(topics, topic => topic is ChannelLog { IsEnded: true } log && log.EndedAt <= beginning.Place),
        };
    }

    /// <summary>Finds what a client would be given of what is kept now, and nothing that comes later. Nobody has missed that.</summary>
    public Reading Read(SubscribeRequest request)
    {
        var beginning = Beginnings.Find(request, [.. Topics.Find(request.Selection.Topics)]);
        var range = new ReplayRange(beginning, History.LogIndex.Last, History.LogIndex.Drops);
        var feed = new MergedFeed(History.LogIndex, new HubCounts(), request.Selection, [], range, request.Envelope);
        return new Reading(feed, range.Through);
    }

    public void Unsubscribe(Subscription subscription)
    {
        Topics.StopListening(subscription.Topics);
        if (subscription.Feed is not MergedFeed feed)
            return;

        feed.Share?.Dispose();
        foreach (var topic in subscription.Topics)
            topic.CloseIndex();
    }

    /// <summary>Ends a batch, of which all frames from this number on stay, and lets clients that merge channels read it.</summary>
    public void EndBatch(long first)
    {
        History.Trim(first);
        History.LogIndex.Publish();
        _endings.ForEach(log => log.IsOver = log.IsEnded);
        _endings.Clear();
        Topics.RemoveIdle();
    }

    private void Append(ChannelSet channels, ReadOnlySpan<byte> frame, long sequence, long time, HashSet<Topic>? appended = null)
    {
        var change = SseFrame.ChangeOf(SseFrame.IdOf(frame));
        if (change is ChannelChange.Forget)
        {
            History.Forget(channels.Logs[0], sequence);
            Topics.End(channels.Logs[0], 0);
            return;
        }

        // First: the end does not count among the events of which there may be so many.
        if (change is ChannelChange.End)
            Topics.End(channels.Logs[0], sequence);

        foreach (var log in channels.Logs)
        {
            // It was free again when this was stored, as this store had not noticed: in a restart, or beside other hubs.
            if (change is ChannelChange.None && log.IsEnded)
            {
                History.Drop(log);
                Topics.End(log, 0);
            }

            var location = History.Append(log, frame, sequence, time);
            if (appended is not null)
                Announce(log, location, appended);
        }

        History.NoteCopies(sequence, channels);
        if (change is ChannelChange.End)
            _endings.Add(channels.Logs[0]);
    }

    private void Announce(ChannelLog log, FrameLocation location, HashSet<Topic> appended)
    {
        foreach (var topic in Topics.TopicsOf(log))
        {
            topic.FrameIndex?.Append(location);
            appended.Add(topic);
        }
    }

    // The channels of a frame that is stored already. One that is to be forgotten is not opened for that.
    private ChannelSet SetOf(string[] names, ReadOnlySpan<byte> frame, Func<string, ChannelLog> open)
    {
        var forgets = SseFrame.ChangeOf(SseFrame.IdOf(frame)) is ChannelChange.Forget;
        return new ChannelSet(ChannelSet.NamesOf(names), Array.ConvertAll(names, name => forgets ? Topics.FindLog(name) : open(name)));
    }

    // Of a channel that is not known nothing is kept.
    private (long Channel, long Unknown) FindDropped(string channel) =>
        (Topics.FindChannel(channel)?.LastDropped ?? long.MaxValue, History.Allowances.Of(channel).UnknownThrough);

    // Another hub has admitted the channel, so it cannot be refused here.
    private ChannelLog OpenAnyway(string channel)
    {
        if (!Topics.HasRoomFor(channel) && Topics.FindSilent(batch: -1) is { } silent)
            GiveUp(silent);

        return Topics.Open(channel);
    }

    private void GiveUp(ChannelLog silent)
    {
        History.Drop(silent);
        Topics.Remove(silent);
    }

    private Feed OpenFeed(SubscribeRequest request, Topic[] topics, Beginning beginning)
    {
        if (request.Envelope is Envelope.None && topics is [ChannelLog log])
        {
            var after = beginning.PlaceIn(log.Name);
            Counts.CountReplayed(log.CountAfter(after));
            return new ChannelFeed(History.LogIndex, log.After(after));
        }

        var range = new ReplayRange(beginning, History.LogIndex.Last, History.LogIndex.Drops);
        var live = topics.Select(topic => topic.OpenIndex().End).ToArray();
        return new MergedFeed(History.LogIndex, Counts, request.Selection, live, range, request.Envelope)
        {
            Share = beginning.Channels is { } places ? _rewinds.Acquire(places.Count, places.GiveWay) : null,
        };
    }
}
