using System.Buffers;
using System.Text;
using System.Threading.Channels;

namespace SseListener.Events;

/// <summary>
/// The one writer. Everything that changes a log waits in one queue, and one loop takes whatever is waiting, appends it, tells
/// the lanes and then answers. So every client sees one order, and who has the answer knows the event is on its way.
/// </summary>
internal sealed class EventHub
{
    // So that lanes and publishers do not wait for whatever comes in meanwhile.
    private const int LargestBatch = 64;

    private readonly History _history;
    private readonly Dictionary<string, ChannelLog> _channels = new(StringComparer.Ordinal);
    private readonly ArrayBufferWriter<byte> _frame = new();
    private readonly HashSet<ChannelLog> _appended = [];
    private readonly List<Work> _batch = [];
    private readonly int _presenceLimit;
    private readonly Action<ChannelLog> _wake;
    private volatile bool _isComplete;

    // Synchronous continuations: when the loop is idle, a publisher's own thread runs it, which saves two changes of threads.
    // The queue needs no bound of its own: PublishEndpoint bounds the publishes under way, and SseServer the clients, each of
    // which joins and leaves once.
    private readonly Channel<Work> _queue =
        Channel.CreateUnbounded<Work>(new UnboundedChannelOptions { SingleReader = true, AllowSynchronousContinuations = true });

    /// <summary>A hub without events.</summary>
    /// <param name="historyBytes">Bytes of frames to keep over all channels.</param>
    /// <param name="presenceLimit">Largest audience of a channel that is told who joins and leaves; 0 for none.</param>
    /// <param name="wake">Called for each channel of a batch once its frames can be read.</param>
    public EventHub(long historyBytes, int presenceLimit, Action<ChannelLog> wake)
    {
        _history = new History(historyBytes);
        _presenceLimit = presenceLimit;
        _wake = wake;
    }

    /// <summary>
    /// Publishes events in this order, with nothing in between. An event whose id is still in history is not appended again:
    /// its publisher only tries once more.
    /// </summary>
    /// <returns>The events' ids, once every subscriber has been set to receive them; null when the hub has stopped.</returns>
    public Task<string[]?> PublishAsync(string channel, IReadOnlyList<SseEvent> events) =>
        EnqueueAsync(new Publish(channel, events));

    /// <summary>
    /// Gives <paramref name="client"/> its place on a channel and tells the others there. It starts behind
    /// <paramref name="lastEventId"/> when that is known, with all that is kept when it is not, and with the next event when
    /// it is null.
    /// </summary>
    /// <returns>The place, or null when the hub has stopped.</returns>
    public Task<Subscription?> SubscribeAsync(string channel, string client, string? lastEventId) =>
        EnqueueAsync(new Join(channel, client, lastEventId));

    /// <summary>Tells those on a channel that <paramref name="client"/>, which subscribed, has gone.</summary>
    public void Unsubscribe(ChannelLog log, string client) => _queue.Writer.TryWrite(new Leave(log, client));

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

    private Task<T?> EnqueueAsync<T>(Work<T> work)
        where T : class => _queue.Writer.TryWrite(work) ? work.Task : Task.FromResult<T?>(null);

    private void TakeBatch()
    {
        while (_batch.Count < LargestBatch && _queue.Reader.TryRead(out var work))
        {
            work.Apply(this);
            _batch.Add(work);
        }

        foreach (var log in _appended)
        {
            _wake(log);
        }

        foreach (var work in _batch)
        {
            work.Answer();
        }

        _appended.Clear();
        _batch.Clear();
    }

    private string Append(ChannelLog log, SseEvent sseEvent)
    {
        if (sseEvent.Id is { } known && _history.TryFind(Encoding.UTF8.GetBytes(known), out _))
        {
            return known;
        }

        var id = sseEvent.Id ?? NanoId.Generate();
        SseFrame.WriteEvent(_frame, sseEvent, id);
        AppendFrame(log);
        return id;
    }

    private FramePosition AppendFrame(ChannelLog log)
    {
        var position = _history.Append(log, _frame.WrittenSpan);
        _frame.ResetWrittenCount();
        _appended.Add(log);
        return position;
    }

    private Subscription Subscribe(string channel, string client, string? lastEventId)
    {
        var log = LogOf(channel);
        log.Audience++;
        var start = log.End;
        var gap = false;
        if (lastEventId is not null)
        {
            var known = _history.TryFind(Encoding.UTF8.GetBytes(lastEventId), out var last) && last.Segment.Log == log;
            gap = !known && lastEventId != SseEvent.Earliest;
            start = known ? Cursor.Behind(last) : log.Beginning;
        }

        // Nobody else is there to be told when the audience is the newcomer alone.
        if (log.Audience > 1 && log.Audience <= _presenceLimit)
        {
            SseFrame.WriteJoin(_frame, client, NanoId.Generate());
            start.Skip(AppendFrame(log));
        }

        return new Subscription(log, start, gap);
    }

    private void TellLeft(ChannelLog log, string client)
    {
        log.Audience--;
        if (log.Audience > 0 && log.Audience < _presenceLimit)
        {
            SseFrame.WriteLeave(_frame, client, NanoId.Generate());
            AppendFrame(log);
        }
    }

    private ChannelLog LogOf(string channel)
    {
        if (!_channels.TryGetValue(channel, out var log))
        {
            _channels.Add(channel, log = new ChannelLog(channel, _history.LargestSegment));
        }

        return log;
    }

    private abstract class Work
    {
        public abstract void Apply(EventHub hub);

        public abstract void Answer();
    }

    // Answers are given on other threads: the loop must not wait for what a publisher does with its answer.
    private abstract class Work<T> : Work
        where T : class
    {
        private readonly TaskCompletionSource<T?> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private T? _result;

        public Task<T?> Task => _answer.Task;

        public sealed override void Apply(EventHub hub) => _result = Do(hub);

        public sealed override void Answer() => _answer.SetResult(_result);

        protected abstract T Do(EventHub hub);
    }

    private sealed class Publish(string channel, IReadOnlyList<SseEvent> events) : Work<string[]>
    {
        protected override string[] Do(EventHub hub)
        {
            var log = hub.LogOf(channel);
            return [.. events.Select(sseEvent => hub.Append(log, sseEvent))];
        }
    }

    private sealed class Join(string channel, string client, string? lastEventId) : Work<Subscription>
    {
        protected override Subscription Do(EventHub hub) => hub.Subscribe(channel, client, lastEventId);
    }

    private sealed class Leave(ChannelLog log, string client) : Work
    {
        public override void Apply(EventHub hub) => hub.TellLeft(log, client);

        public override void Answer()
        {
            // Nobody waits for a farewell.
        }
    }
}
