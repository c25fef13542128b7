using System.Threading.Channels;

namespace SseListener.Events;

/// <summary>
/// The one writer. One loop reads what waits in one queue, stores it, applies it, wakes those who deliver it, and then answers. So every
/// client sees one order, and a publisher that has its answer knows that the event is kept and on its way.
/// </summary>
internal sealed class EventHub : IDisposable
{
    private const int MostWork = 64; // So that lanes and publishers do not wait for what comes in meanwhile.
    private const int MostBytes = 4 * 1024 * 1024; // Of frames and their copies: then no further publish joins the batch.
    private readonly Action<long, int>? _dropped;
    private readonly EventStore _store;
    private readonly HubBatch _batch;
    private readonly IEventLog _eventLog;
    private readonly Action<Topic> _wake;
    private readonly Action _breakStreams;
    private readonly Timer _expiry;

    [SuppressMessage("Usage", "CA2213:Disposable fields should be disposed", Justification = "Its handle is never asked for.")]
    private readonly SemaphoreSlim _lookingBack = new(1);
    private long _lost;
    private volatile bool _isComplete;

    // Synchronous continuations: when the loop is idle, a publisher's own thread runs it, which saves two changes of threads.
    // The queue needs no bound of its own: a connection has one request under way, and its descriptor bounds the connections.
    private readonly Channel<HubWork> _queue =
        Channel.CreateUnbounded<HubWork>(new UnboundedChannelOptions { SingleReader = true, AllowSynchronousContinuations = true });

    /// <summary>
    /// Calls <paramref name="wake"/>, which must not wait, for each topic that has something new to read, and
    /// <paramref name="breakStreams"/> when clients have missed what is lost: they come back, and are told.
    /// </summary>
    public EventHub(HubLimits limits, IEventLog log, Action<Topic> wake, Action breakStreams)
    {
        _dropped = limits.Rules.Count > 0 ? log.Drop : null;
        _store = new EventStore(limits, _dropped);
        _batch = new HubBatch(_store, log.IsShared);
        (_eventLog, _wake, _breakStreams) = (log, wake, breakStreams);

        // Often enough for history to be late by a twentieth at most, and what is replaced by a few seconds.
        var check = TimeSpan.FromMilliseconds(Math.Clamp(limits.ShortestAge.TotalMilliseconds / 20, 50, 5000));
        _expiry = new Timer(_ => _queue.Writer.TryWrite(new Expire()), state: null, check, check);
    }

    public HubCounts Counts => _store.Counts;
    public (int Events, long Bytes) Kept => _store.History.Kept;
    public int Channels => _store.Topics.Channels;
    public int Patterns => _store.Topics.Patterns;
    public bool IsComplete => _isComplete;

    /// <summary>
    /// The last number that a shared log has lost; 0 for none. A stream that begins before it is ended: its client comes back, and is told.
    /// </summary>
    public long Lost => Volatile.Read(ref _lost);

    /// <summary>Why nothing can be published; null when it can, as far as is known.</summary>
    public string? Problem => _eventLog.Problem;

    /// <summary>Ids of places in its log.</summary>
    public PositionCipher Positions => _store.Positions;

    /// <summary>Opens the log, restores what it has stored, and goes on where it ended; before <see cref="RunAsync"/>.</summary>
    public bool TryOpen([NotNullWhen(false)] out string? problem)
    {
        var restoration = new Restoration(_store, _dropped);
        if (!_eventLog.TryOpen(restoration.Restore, work => _queue.Writer.TryWrite(work), out problem))
            return false;

        restoration.ContinueAfter(_eventLog);
        return true;
    }

    /// <summary>Publishes events in their order, with nothing in between; one whose id is still in history is not appended again.</summary>
    /// <returns>What became of it, once the lanes of all subscribers have been woken; null when the hub has stopped.</returns>
    public Task<PublishResult?> PublishAsync(Publish publish) => EnqueueAsync(publish);

    /// <summary>
    /// Gives a client its place on its channels; null when the hub has stopped, there would be too many channels, or the client may have a
    /// place that only other hubs know as yet.
    /// </summary>
    public async Task<Subscription?> SubscribeAsync(SubscribeRequest request)
    {
        var isKnown = new Question<SubscribeRequest>(store => store.Beginnings.Knows(request) ? request : null);
        var mayBeAhead = _eventLog.IsShared && request.LastEventId is not null && await EnqueueAsync(isKnown) is null;
        return mayBeAhead && !await CatchUpAsync() ? null : await EnqueueAsync(new Subscribe(await LookBackAsync(request)));
    }

    /// <summary>Finds what is kept of channels, in the order of the log; null when the hub has stopped.</summary>
    public async Task<Reading?> ReadAsync(SubscribeRequest request)
    {
        request = await LookBackAsync(request);
        return await EnqueueAsync(new Question<Reading>(store => store.Read(request)));
    }

    /// <summary>Completes when all has been applied that any hub had stored before the call; false when that cannot be had now.</summary>
    public Task<bool> CatchUpAsync() => _eventLog.CatchUpAsync();

    /// <summary>Finds the channels with these names, or all, that somebody here listens to; null when the hub has stopped.</summary>
    public Task<IReadOnlyList<Topic>?> FindListenedAsync(IReadOnlyList<string>? channels) =>
        EnqueueAsync(new Question<IReadOnlyList<Topic>>(store => [.. store.Topics.FindListened(channels)]));

    /// <summary>Finds out what is kept of a channel; null when the hub has stopped.</summary>
    public Task<ChannelState?> InspectAsync(string channel) => EnqueueAsync(new Question<ChannelState>(store => store.Inspect(channel)));

    /// <summary>Finds names of channels, in order; null when the hub has stopped.</summary>
    /// <inheritdoc cref="ChannelNames.Find" path="/param"/>
    public Task<List<string>?> FindNamesAsync(string prefix, string from, int most) =>
        EnqueueAsync(new Question<List<string>>(store => store.Topics.FindNames(prefix, from, most)));

    public void Unsubscribe(Subscription subscription) => _queue.Writer.TryWrite(new Unsubscribe(subscription));

    /// <summary>Accepts nothing more; what was accepted is still appended, within a limit, and then <see cref="RunAsync"/> ends.</summary>
    public async Task CompleteAsync(TimeSpan limit)
    {
        _isComplete = true;

        // Behind all that was accepted: what waits in the queue has not reached the log yet.
        var last = new Question<object>(_ => null);
        if (_eventLog.IsShared && _queue.Writer.TryWrite(last))
            await ((Task)last.Answer.Task).WaitAsync(limit).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

        await _eventLog.DrainAsync(limit);
        _queue.Writer.TryComplete();
    }

    /// <summary>Works until <see cref="CompleteAsync"/>, and does what was accepted before. It fails only by what nobody foresaw.</summary>
    public async Task RunAsync()
    {
        while (await _queue.Reader.WaitToReadAsync())
        {
            _batch.Begin(_store.History.LogIndex.Last + 1, SteadyClock.Now);
            ReadWork();
            var stored = await AppendAsync();
            ApplyOthers();
            _store.EndBatch(_batch.Frames.First);
            foreach (var topic in _batch.Appended)
                _wake(topic);

            _batch.Answer(stored);

            // This may be a publisher's thread, whose own event is done by now: it must not go on working for the others.
            if (_queue.Reader.TryPeek(out _))
                await Task.Yield();
        }
    }

    public void Dispose() => _expiry.Dispose();

    // There may be very many channels under a pattern: publishers get their turn in between, and only one client looks at a time.
    private async Task<SubscribeRequest> LookBackAsync(SubscribeRequest request)
    {
        var patterns = request is { LastEventId: null, Rewind: not null } ? ChannelNames.Widest(request.Selection.Topics) : [];
        if (patterns.Length == 0)
            return request;

        await _lookingBack.WaitAsync();
        try
        {
            var begin = new Question<ChannelPlaces>(store => new ChannelPlaces(store.History.LogIndex.Last));
            request = request with { LookBack = await EnqueueAsync(begin) };
            foreach (var pattern in patterns)
            {
                for (var name = pattern[..^1]; !string.IsNullOrEmpty(name);)
                    name = await EnqueueAsync(new Question<string>(store => store.Beginnings.LookBackFrom(name, pattern, request)));
            }

            return request;
        }
        finally
        {
            _lookingBack.Release();
        }
    }

    private Task<T?> EnqueueAsync<T>(HubWork<T> work)
        where T : class => !_isComplete && _queue.Writer.TryWrite(work) ? work.Answer.Task : Task.FromResult<T?>(null);

    private void ReadWork()
    {
        while (_batch.Work.Count < MostWork && _batch.Frames.Size < MostBytes && _queue.Reader.TryRead(out var work))
        {
            _batch.Work.Add(work);
            if (work is Publish publish)
                _batch.Encode(publish);
        }
    }

    private ValueTask<Stored> AppendAsync() => _batch.Frames.Frames.Count == 0 ? ValueTask.FromResult(Stored.All)
        : _eventLog.AppendAsync(_batch.Frames, batch => _store.Append(batch, _batch.Appended));

    // Behind the frames: a client that comes in this batch has not been greeted, so it may stand before or behind them.
    private void ApplyOthers()
    {
        foreach (var work in _batch.Work)
        {
            switch (work)
            {
                case Arrived arrived:
                    Apply(arrived);
                    break;
                case Subscribe subscribe:
                    _batch.Subscribes.Add((subscribe, _store.Subscribe(subscribe.Request)));
                    break;
                case Unsubscribe unsubscribe:
                    _store.Unsubscribe(unsubscribe.Subscription);
                    break;
                case Expire when _store.History.Expire(_batch.Frames.Time):
                    // There is more, behind those who wait.
                    _queue.Writer.TryWrite(work);
                    break;
                default:
                    work.AnswerFrom(_store);
                    break;
            }
        }
    }

    private void Apply(Arrived arrived)
    {
        _batch.Arrivals.Add(arrived);
        if (arrived.Lost > 0)
        {
            _store.Lose(arrived.Lost);
            Volatile.Write(ref _lost, arrived.Lost);
            _breakStreams();
        }

        _store.Apply(arrived, _batch.Appended);

        // It is encoded again, behind what it was not compared with.
        foreach (var (work, _) in arrived.Answers.Where(answer => answer.Result is PublishResult.Stale))
        {
            if (!work.Answer.Task.IsCompleted)
                _queue.Writer.TryWrite(work);
        }
    }
}
