using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace SseListener.Events;

/// <summary>
/// All logs, and how something gets into them: first every frame of a batch is encoded, then they are stored together, and only
/// then appended, where clients see them. For the hub's loop only.
/// </summary>
internal sealed class EventWriter
{
    private readonly History _history;
    private readonly TopicTable _topics;
    private readonly FrameBatch _batch = new();
    private readonly Dictionary<string, int> _batchById = new(StringComparer.Ordinal);
    private readonly HashSet<Topic> _appended = [];
    private readonly Func<FrameBatch, Stored> _store;
    private bool _hasRestored;
    private long _sequence;
    private long _first;

    /// <summary>A writer without channels.</summary>
    /// <param name="limits">What is kept, and of whom.</param>
    /// <param name="store">Stores a batch.</param>
    public EventWriter(HubLimits limits, Func<FrameBatch, Stored> store)
    {
        _topics = new TopicTable(limits.MaxChannels);
        _history = new History(limits.HistoryBytes, limits.HistoryAge, _topics.MayBeIdle);
        Places = new Places(_history, _topics);
        _store = store;
    }

    /// <summary>What has been done.</summary>
    public HubCounts Counts { get; } = new();

    /// <summary>The channels there are.</summary>
    public TopicTable Topics => _topics;

    /// <summary>All frames that are kept.</summary>
    public Timeline Timeline => _history.Timeline;

    /// <summary>How much that is.</summary>
    public Kept Kept => _history.Kept;

    /// <summary>The places of clients that come back.</summary>
    public Places Places { get; }

    /// <summary>The batch that is being made.</summary>
    public FrameBatch Batch => _batch;

    /// <summary>The topics that have something new since the last <see cref="Begin"/>.</summary>
    public IReadOnlyCollection<Topic> Appended => _appended;

    /// <summary>Numbers frames from here on; to be called after what was stored has been taken up.</summary>
    /// <param name="last">The number of the last frame that is known of.</param>
    /// <param name="starts">The numbers to begin behind, of this start and of those before it that have left no frame.</param>
    /// <param name="key">The log's key, for the positions of clients.</param>
    public void ContinueAfter(long last, IReadOnlyList<long> starts, byte[] key)
    {
        if (!_hasRestored)
        {
            Places.Forget(last);
        }

        _sequence = starts[^1];
        Timeline.ContinueAfter(last, starts);
        Places.UseKey(key);
    }

    /// <summary>Takes up a frame that was stored before; they come in their order.</summary>
    /// <param name="sequence">Its number.</param>
    /// <param name="channel">The channel's name.</param>
    /// <param name="time">When it was published, as <see cref="SteadyClock"/> counts.</param>
    /// <param name="frame">Its bytes.</param>
    public void Restore(long sequence, string channel, long time, ReadOnlySpan<byte> frame)
    {
        if (!_hasRestored)
        {
            _hasRestored = true;
            Places.Forget(sequence - 1);
        }

        if (_history.IsTooOld(time, SteadyClock.Now))
        {
            Places.Forget(sequence);
            return;
        }

        _history.Append(_topics.Open(channel), frame, sequence, time);
        _history.Trim(sequence);
    }

    /// <summary>Begins another batch.</summary>
    /// <param name="time">Now, as <see cref="SteadyClock"/> counts.</param>
    public void Begin(long time)
    {
        _first = _sequence + 1;
        _batch.Begin(_first, time);
        _batchById.Clear();
        _appended.Clear();
        HasMoreToExpire = false;
        IsUnknown = false;
    }

    /// <summary>Stores the batch.</summary>
    /// <returns>False when it could not be stored; then nothing of it may be appended.</returns>
    public bool TryStore()
    {
        if (_batch.Frames.Count == 0)
        {
            return true;
        }

        var stored = _store(_batch);
        IsUnknown = stored is Stored.Unknown;
        if (stored is not Stored.All)
        {
            return false;
        }

        _sequence += _batch.Frames.Count;
        Timeline.BeginAppending(_sequence);
        return true;
    }

    /// <summary>Whether a restart may find the batch although it could not be stored.</summary>
    public bool IsUnknown { get; private set; }

    /// <summary>
    /// Opens a channel that an event is published to. Where there are too many, the one that has been silent longest and that nobody
    /// listens to gives way, with what is kept of it.
    /// </summary>
    /// <returns>False when there are too many, and none that could give way.</returns>
    public bool TryOpen(string channel, [NotNullWhen(true)] out ChannelLog? log)
    {
        while (!_topics.TryOpen(channel, out log))
        {
            if (_topics.LongestSilent is not { } silent || _batch.Frames.Any(frame => frame.Log == silent))
            {
                return false;
            }

            _history.Drop(silent);
            _topics.Remove(silent);
        }

        return true;
    }

    /// <summary>
    /// Puts an event into the batch, unless one with its id and its content is there, or in history: then its publisher only
    /// tries once more.
    /// </summary>
    /// <param name="log">The channel's log.</param>
    /// <param name="sseEvent">The event.</param>
    /// <param name="id">Its id.</param>
    /// <returns>What became of it.</returns>
    public Encoded Encode(ChannelLog log, SseEvent sseEvent, out string id)
    {
        id = sseEvent.Id ?? NanoId.Generate();
        SseFrame.WriteEvent(_batch.Output, sseEvent, id);
        if (sseEvent.Id is null)
        {
            _batch.Add(log);
            return Encoded.Added;
        }

        if (_history.TryFind(Encoding.UTF8.GetBytes(id), out var kept))
        {
            return SameOrNot(kept.Segment.Log == log && kept.Frame.SequenceEqual(_batch.Written), Encoded.Kept);
        }

        if (_batchById.TryGetValue(id, out var place))
        {
            var other = _batch.Frames[place];
            return SameOrNot(other.Log == log && _batch.BytesOf(other).SequenceEqual(_batch.Written), Encoded.Added);
        }

        _batchById.Add(id, _batch.Add(log));
        return Encoded.Added;
    }

    /// <summary>Takes back all frames of the batch but the first <paramref name="count"/>.</summary>
    public void TakeBack(int count)
    {
        _batch.TakeBack(count);
        foreach (var (id, _) in _batchById.Where(entry => entry.Value >= count))
        {
            _batchById.Remove(id);
        }
    }

    /// <summary>Appends a frame of the batch, which has been stored.</summary>
    public void Append(BatchFrame frame)
    {
        var numbered = _history.Append(frame.Log, _batch.BytesOf(frame), frame.Sequence, _batch.Time);
        Take(frame.Log, numbered);
        foreach (var pattern in _topics.PatternsOver(frame.Log.Name))
        {
            Take(pattern, numbered);
        }
    }

    /// <summary>Ends the batch: what was appended may be delivered, what no longer fits goes.</summary>
    public void End()
    {
        _history.Trim(_first);
        _history.Timeline.Publish();
        _topics.ForgetIdle();
    }

    /// <summary>Whether <see cref="Expire"/> has left something for another batch.</summary>
    public bool HasMoreToExpire { get; private set; }

    /// <summary>Drops what has become too old.</summary>
    public void Expire() => HasMoreToExpire = _history.Expire(_batch.Time);

    private void Take(Topic topic, NumberedFrame frame)
    {
        topic.Take(frame);
        _appended.Add(topic);
    }

    private Encoded SameOrNot(bool isSame, Encoded same)
    {
        _batch.Discard();
        return isSame ? same : Encoded.Conflict;
    }
}

/// <summary>What became of an event that was to be put into a batch.</summary>
internal enum Encoded
{
    /// <summary>It is in the batch.</summary>
    Added,

    /// <summary>It is in history already.</summary>
    Kept,

    /// <summary>There is another event with its id.</summary>
    Conflict,
}
