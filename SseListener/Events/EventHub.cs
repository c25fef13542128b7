using System.Threading.Channels;

namespace SseListener.Events;

/// <summary>
/// The one writer. Everything that changes a log waits in one queue, and one loop takes whatever is waiting, stores it, appends
/// it, tells the lanes and then answers. So every client sees one order, and who has the answer knows the event is kept and on its
/// way.
/// </summary>
internal sealed class EventHub : IDisposable
{
    // So that lanes and publishers do not wait for whatever comes in meanwhile.
    private const int LargestBatch = 64;

    // Bytes of frames, for they are in memory twice until they are stored.
    private const int LongestBatch = 4 * 1024 * 1024;

    private static readonly TimeSpan _shortestCheck = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan _longestCheck = TimeSpan.FromMinutes(1);

    private readonly EventWriter _writer;
    private readonly List<HubWork> _batch = [];
    private readonly Action<Topic> _wake;
    private readonly Timer _expiry;
    private volatile bool _isComplete;

    // Synchronous continuations: when the loop is idle, a publisher's own thread runs it, which saves two changes of threads.
    // The queue needs no bound of its own: PublishEndpoint bounds the publishes under way, and SseServer the clients, each of
    // which comes and goes once.
    private readonly Channel<HubWork> _queue =
        Channel.CreateUnbounded<HubWork>(new UnboundedChannelOptions { SingleReader = true, AllowSynchronousContinuations = true });

    /// <summary>A hub without events.</summary>
    /// <param name="limits">What is kept, and of whom.</param>
    /// <param name="store">Stores a batch of frames before any of them is delivered.</param>
    /// <param name="wake">Called for each topic that has something new in a batch, once it can be read.</param>
    public EventHub(HubLimits limits, Func<FrameBatch, Stored> store, Action<Topic> wake)
    {
        _writer = new EventWriter(limits, store);
        _wake = wake;
        var check = TimeSpan.FromTicks(Math.Clamp(limits.HistoryAge.Ticks / 20, _shortestCheck.Ticks, _longestCheck.Ticks));
        _expiry = new Timer(_ => _queue.Writer.TryWrite(new Expire()), state: null, check, check);
    }

    /// <summary>What it has done since it began.</summary>
    public HubCounts Counts => _writer.Counts;

    /// <summary>What is kept of all channels.</summary>
    public Kept Kept => _writer.Kept;

    /// <summary>How many channels there are.</summary>
    public int Channels => _writer.Topics.Channels;

    /// <summary>How many patterns somebody listens to.</summary>
    public int Patterns => _writer.Topics.Patterns;

    /// <summary>Goes on where a log ended, whose frames have been taken up; only before <see cref="RunAsync"/>.</summary>
    /// <param name="last">The number of the last frame that is known of.</param>
    /// <param name="key">The log's key, for the positions of clients.</param>
    /// <param name="starts">The numbers to begin behind, of this start and of those before it that have left no frame.</param>
    public void Continue(long last, byte[] key, IReadOnlyList<long> starts) => _writer.ContinueAfter(last, starts, key);

    /// <summary>The id of a place in the log, given as the number of the last frame before it.</summary>
    public string PositionOf(long place) => _writer.Places.PositionOf(place);

    /// <summary>Takes up a frame that was stored before; only before <see cref="RunAsync"/>.</summary>
    /// <param name="sequence">Its number.</param>
    /// <param name="channel">Its channel.</param>
    /// <param name="time">When it was published, as <see cref="SteadyClock"/> counts.</param>
    /// <param name="frame">Its bytes.</param>
    public void Restore(long sequence, string channel, long time, ReadOnlySpan<byte> frame) => _writer.Restore(sequence, channel, time, frame);

    /// <summary>
    /// Publishes events in this order, with nothing in between. An event whose id is still in history is not appended again:
    /// its publisher only tries once more.
    /// </summary>
    /// <returns>What became of it, once every subscriber has been set to receive the events; null when the hub has stopped.</returns>
    public Task<PublishResult?> PublishAsync(string channel, IReadOnlyList<SseEvent> events) =>
        EnqueueAsync(new Publish(channel, events));

    /// <summary>Gives a client its place on its channels.</summary>
    /// <returns>What became of it; null when the hub has stopped.</returns>
    public Task<SubscribeResult?> SubscribeAsync(SubscribeRequest request) => EnqueueAsync(new Subscribe(request));

    /// <summary>Takes note that a client which subscribed has gone.</summary>
    public void Unsubscribe(SubscribeResult.Subscription subscription) => _queue.Writer.TryWrite(new Unsubscribe(subscription));

    /// <summary>Takes nothing more; what was accepted is still appended, and then <see cref="RunAsync"/> ends.</summary>
    public void Complete()
    {
        _isComplete = true;
        _queue.Writer.TryComplete();
    }

    /// <summary>Whether <see cref="Complete"/> has been called.</summary>
    public bool IsComplete => _isComplete;

    /// <summary>The loop; to be started once.</summary>
    public async Task RunAsync()
    {
        while (await _queue.Reader.WaitToReadAsync())
        {
            TakeBatch();

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
        _writer.Places.Dispose();
    }

    private Task<T?> EnqueueAsync<T>(HubWork<T> work)
        where T : class => _queue.Writer.TryWrite(work) ? work.Task : Task.FromResult<T?>(null);

    private void TakeBatch()
    {
        _batch.Clear();
        _writer.Begin(SteadyClock.Now);
        while (_batch.Count < LargestBatch && _writer.Batch.Length < LongestBatch && _queue.Reader.TryRead(out var work))
        {
            work.Encode(_writer);
            _batch.Add(work);
        }

        var isStored = _writer.TryStore();
        foreach (var work in _batch)
        {
            work.Apply(_writer, isStored);
        }

        _writer.End();
        if (_writer.HasMoreToExpire)
        {
            // Behind whoever waits.
            _queue.Writer.TryWrite(new Expire());
        }

        foreach (var topic in _writer.Appended)
        {
            _wake(topic);
        }

        foreach (var work in _batch)
        {
            work.Answer();
        }
    }
}

/// <summary>What a hub keeps, and of whom.</summary>
/// <param name="HistoryBytes">Bytes of frames to keep over all channels.</param>
/// <param name="HistoryAge">How long to keep them.</param>
/// <param name="MaxChannels">Most channels at a time.</param>
internal sealed record HubLimits(long HistoryBytes, TimeSpan HistoryAge, int MaxChannels);
