using System.Threading.Channels;

namespace SseListener.Events;

/// <summary>
/// The one writer. Everything that changes a log waits in one queue, and one loop takes what is waiting, stores it, applies it, wakes
/// those who deliver it, and then answers. So every client sees one order, and a publisher that has its answer knows that the event is
/// kept and on its way.
/// </summary>
internal sealed class EventHub : IDisposable
{
    // So that lanes and publishers do not wait for what comes in meanwhile.
    private const int LargestBatch = 64;

    // Bytes of frames, for they are in memory twice until they are stored.
    private const int LongestBatch = 4 * 1024 * 1024;

    private static readonly TimeSpan _shortestCheck = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan _longestCheck = TimeSpan.FromMinutes(1);

    private readonly EventStore _store;
    private readonly HubBatch _batch = new();
    private readonly PublishEncoder _encoder;
    private readonly IEventLog _log;
    private readonly IDelivery _delivery;
    private readonly Action<FrameBatch> _apply;
    private readonly Timer _expiry;
    private long _sequence;
    private volatile bool _isComplete;

    // Synchronous continuations: when the loop is idle, a publisher's own thread runs it, which saves two changes of threads.
    // The queue needs no bound of its own: PublishEndpoint bounds the publishes under way, and SseServer the clients, each of
    // which comes and goes once.
    private readonly Channel<HubWork> _queue =
        Channel.CreateUnbounded<HubWork>(new UnboundedChannelOptions { SingleReader = true, AllowSynchronousContinuations = true });

    /// <summary>A hub without events.</summary>
    /// <param name="limits">What is kept, and of whom.</param>
    /// <param name="log">Stores the events.</param>
    /// <param name="delivery">Delivers them.</param>
    public EventHub(HubLimits limits, IEventLog log, IDelivery delivery)
    {
        _store = new EventStore(limits);
        _encoder = new PublishEncoder(_store, _batch);
        _log = log;
        _delivery = delivery;
        _apply = Apply;
        var check = TimeSpan.FromTicks(Math.Clamp(limits.HistoryAge.Ticks / 20, _shortestCheck.Ticks, _longestCheck.Ticks));
        _expiry = new Timer(_ => _queue.Writer.TryWrite(new Expire()), state: null, check, check);
    }

    /// <summary>What it has done since it began.</summary>
    public HubCounts Counts => _store.Counts;

    /// <summary>What is kept of all channels.</summary>
    public Kept Kept => _store.History.Kept;

    /// <summary>How many channels there are.</summary>
    public int Channels => _store.Channels;

    /// <summary>How many patterns somebody listens to.</summary>
    public int Patterns => _store.Patterns;

    /// <summary>Whether <see cref="Complete"/> has been called.</summary>
    public bool IsComplete => _isComplete;

    /// <summary>The id of a place in the log, given as the number of the last frame before it.</summary>
    public string PositionOf(long place) => _store.ResumePoints.PositionOf(place);

    /// <summary>Takes up a frame that was stored before; only before <see cref="Continue"/>.</summary>
    /// <inheritdoc cref="TakeFrame"/>
    public void Restore(long sequence, string channel, long time, ReadOnlySpan<byte> frame) =>
        _store.Restore(sequence, channel, time, frame);

    /// <summary>Goes on where the log ended, whose frames have been taken up; only before <see cref="RunAsync"/>.</summary>
    public void Continue()
    {
        _sequence = _log.Starts[^1];
        _store.ContinueAfter(_log.Last, _log.Starts, _log.Key);
    }

    /// <summary>
    /// Publishes events in this order, with nothing in between. An event whose id is still in history is not appended again:
    /// its publisher only tries once more.
    /// </summary>
    /// <returns>What became of it, once every subscriber has been set to receive the events; null when the hub has stopped.</returns>
    public Task<PublishResult?> PublishAsync(string channel, IReadOnlyList<SseEvent> events)
    {
        var publish = new Publish(channel, events);
        return _queue.Writer.TryWrite(publish) ? publish.Answer.Task : Task.FromResult<PublishResult?>(null);
    }

    /// <summary>Gives a client its place on its channels.</summary>
    /// <returns>What became of it; null when the hub has stopped.</returns>
    public Task<SubscribeResult?> SubscribeAsync(SubscribeRequest request)
    {
        var subscribe = new Subscribe(request);
        return _queue.Writer.TryWrite(subscribe) ? subscribe.Answer.Task : Task.FromResult<SubscribeResult?>(null);
    }

    /// <summary>Takes note that a client which subscribed has gone.</summary>
    public void Unsubscribe(SubscribeResult.Subscription subscription) => _queue.Writer.TryWrite(new Unsubscribe(subscription));

    /// <summary>Takes nothing more; what was accepted is still appended, and then <see cref="RunAsync"/> ends.</summary>
    public void Complete()
    {
        _isComplete = true;
        _queue.Writer.TryComplete();
    }

    /// <summary>The loop; to be started once.</summary>
    public async Task RunAsync()
    {
        while (await _queue.Reader.WaitToReadAsync())
        {
            _batch.Begin(_sequence + 1, SteadyClock.Now);
            EncodeAll();
            await AppendAsync();
            ApplyOthers();
            Wake();
            Answer();

            // This may be a publisher's thread, whose own event is done by now: it must not go on working for the others.
            if (_queue.Reader.TryPeek(out _))
            {
                await Task.Yield();
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _expiry.Dispose();
        _store.Dispose();
    }

    private void EncodeAll()
    {
        while (_batch.Work.Count < LargestBatch && _batch.Frames.Length < LongestBatch && _queue.Reader.TryRead(out var work))
        {
            _batch.Work.Add(work);
            if (work is Publish publish)
            {
                _batch.Publishes.Add(_encoder.Encode(publish));
            }
        }
    }

    private async ValueTask AppendAsync()
    {
        if (_batch.Frames.Frames.Count > 0)
        {
            _batch.Stored = await _log.AppendAsync(_batch.Frames, _apply);
        }
    }

    private void Apply(FrameBatch stored)
    {
        _sequence = stored.Frames[^1].Sequence;
        _store.Append(stored, _batch.Appended);
    }

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

        _store.EndBatch(_batch.Frames.First);
    }

    private void Wake()
    {
        foreach (var topic in _batch.Appended)
        {
            _delivery.Wake(topic);
        }
    }

    private void Answer()
    {
        foreach (var publish in _batch.Publishes)
        {
            publish.Work.Answer.SetResult(publish.ResultOf(_batch.Stored));
        }

        foreach (var (work, result) in _batch.Subscribes)
        {
            work.Answer.SetResult(result);
        }
    }
}

/// <summary>What a hub keeps, and of whom.</summary>
/// <param name="HistoryBytes">Bytes of frames to keep over all channels.</param>
/// <param name="HistoryAge">How long to keep them.</param>
/// <param name="MaxChannels">Most channels that keep something, and most that are only listened to.</param>
internal sealed record HubLimits(long HistoryBytes, TimeSpan HistoryAge, int MaxChannels);
