using System.Threading.Channels;

namespace SseListener.Events;

/// <summary>
/// The one writer. Everything that changes a log waits in one queue. One loop reads what is waiting, stores it, applies it, wakes those
/// who deliver it, and then answers. So every client sees one order, and a publisher that has its answer knows that the event is kept and
/// on its way.
/// </summary>
internal sealed class EventHub : IDisposable
{
    // So that lanes and publishers do not wait for what comes in meanwhile.
    private const int MostWork = 64;

    // Bytes of frames, for they are in memory twice until they are stored.
    private const int MostBytes = 4 * 1024 * 1024;

    private readonly EventStore _store;
    private readonly HubBatch _batch;
    private readonly IEventLog _log;
    private readonly Action<Topic> _wake;
    private readonly Action<FrameBatch> _apply;
    private readonly Timer _expiry;
    private volatile bool _isComplete;

    // Synchronous continuations: when the loop is idle, a publisher's own thread runs it, which saves two changes of threads.
    // The queue needs no bound of its own: PublishEndpoint bounds the publishes under way, and SseServer the clients.
    private readonly Channel<HubWork> _queue =
        Channel.CreateUnbounded<HubWork>(new UnboundedChannelOptions { SingleReader = true, AllowSynchronousContinuations = true });

    /// <summary>Calls <paramref name="wake"/>, which must not wait, for each topic that has something new to read.</summary>
    public EventHub(HubLimits limits, IEventLog log, Action<Topic> wake)
    {
        _store = new EventStore(limits);
        _batch = new HubBatch(_store);
        _log = log;
        _wake = wake;
        _apply = stored => _store.Append(stored, _batch.Appended);

        // Often enough for history to be late by a twentieth at most.
        var check = TimeSpan.FromMilliseconds(Math.Clamp(limits.HistoryAge.TotalMilliseconds / 20, 50, 60_000));
        _expiry = new Timer(_ => _queue.Writer.TryWrite(new Expire()), state: null, check, check);
    }

    public HubCounts Counts => _store.Counts;
    public Kept Kept => _store.History.Kept;
    public int Channels => _store.Topics.Channels;
    public int Patterns => _store.Topics.Patterns;
    public bool IsComplete => _isComplete;

    /// <summary>The id of the place in the log behind the frame with this number. Any thread may ask.</summary>
    public string PositionOf(long place) => _store.Positions.Encode(place);

    /// <summary>Opens the log, restores what it has stored, and goes on where it ended; before <see cref="RunAsync"/>.</summary>
    public bool TryOpen([NotNullWhen(false)] out string? problem)
    {
        if (!_log.TryOpen(_store.Restore, out problem))
            return false;

        _store.ContinueAfter(_log);
        return true;
    }

    /// <summary>
    /// Publishes events in this order, with nothing in between. An event whose id is still in history is not appended again: its publisher
    /// only tries once more.
    /// </summary>
    /// <returns>What became of it, once every subscriber has been set to receive the events; null when the hub has stopped.</returns>
    public Task<PublishResult?> PublishAsync(string channel, IReadOnlyList<SseEvent> events) => EnqueueAsync(new Publish(channel, events));

    /// <summary>Gives a client its place on its channels; null when the hub has stopped or there would be too many channels.</summary>
    public Task<Subscription?> SubscribeAsync(SubscribeRequest request) => EnqueueAsync(new Subscribe(request));

    public void Unsubscribe(Subscription subscription) => _queue.Writer.TryWrite(new Unsubscribe(subscription));

    /// <summary>Accepts nothing more; what was accepted is still appended, and then <see cref="RunAsync"/> ends.</summary>
    public void Complete()
    {
        _isComplete = true;
        _queue.Writer.TryComplete();
    }

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

    public void Dispose()
    {
        _expiry.Dispose();
        _store.Dispose();
    }

    private Task<T?> EnqueueAsync<T>(HubWork<T> work)
        where T : class => _queue.Writer.TryWrite(work) ? work.Answer.Task : Task.FromResult<T?>(null);

    private void ReadWork()
    {
        while (_batch.Work.Count < MostWork && _batch.Frames.Length < MostBytes && _queue.Reader.TryRead(out var work))
        {
            _batch.Work.Add(work);
            if (work is Publish publish)
                _batch.Encode(publish);
        }
    }

    private ValueTask<Stored> AppendAsync() =>
        _batch.Frames.Frames.Count > 0 ? _log.AppendAsync(_batch.Frames, _apply) : ValueTask.FromResult(Stored.All);

    // Behind the frames: a client that comes in this batch has not been greeted, so it may stand before or behind them.
    private void ApplyOthers()
    {
        foreach (var work in _batch.Work)
        {
            switch (work)
            {
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
            }
        }
    }
}

/// <summary>What a hub keeps: bytes of frames over all channels, for how long, and of how many channels.</summary>
internal sealed record HubLimits(long HistoryBytes, TimeSpan HistoryAge, int MaxChannels);
