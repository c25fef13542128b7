using System.Text;

namespace SseListener.Events;

/// <summary>
/// All logs, and how something gets into them: first every frame of a batch is encoded, then they are stored together, and only
/// then appended, where clients see them. For the hub's loop only.
/// </summary>
internal sealed class EventWriter
{
    private readonly History _history;
    private readonly Dictionary<string, ChannelLog> _channels = new(StringComparer.Ordinal);
    private readonly FrameBatch _batch = new();
    private readonly Dictionary<string, int> _batchById = new(StringComparer.Ordinal);
    private readonly HashSet<ChannelLog> _appended = [];
    private readonly int _presenceLimit;
    private readonly Func<FrameBatch, bool> _store;
    private long _sequence;

    /// <summary>A writer without channels.</summary>
    /// <param name="history">What is kept.</param>
    /// <param name="presenceLimit">Largest audience of a channel that is told who joins and leaves; 0 for none.</param>
    /// <param name="store">Stores a batch; false when nothing of it was stored.</param>
    public EventWriter(History history, int presenceLimit, Func<FrameBatch, bool> store)
    {
        _history = history;
        _presenceLimit = presenceLimit;
        _store = store;
    }

    /// <summary>The batch that is being made.</summary>
    public FrameBatch Batch => _batch;

    /// <summary>The logs that something was appended to since the last <see cref="Begin"/>.</summary>
    public IReadOnlyCollection<ChannelLog> Appended => _appended;

    /// <summary>Numbers frames from here on.</summary>
    /// <param name="last">The number of the last frame that there has been.</param>
    public void ContinueAfter(long last) => _sequence = last;

    /// <summary>Takes up a frame that was stored before; they come in their order.</summary>
    /// <param name="channel">The channel's name.</param>
    /// <param name="time">When it was published, in Unix milliseconds.</param>
    /// <param name="frame">Its bytes.</param>
    public void Restore(string channel, long time, ReadOnlySpan<byte> frame)
    {
        if (!_history.IsTooOld(time, DateTimeOffset.UtcNow.ToUnixTimeMilliseconds()))
        {
            _history.Append(LogOf(channel), frame, time);
        }
    }

    /// <summary>Begins another batch.</summary>
    /// <param name="time">Now, in Unix milliseconds.</param>
    public void Begin(long time)
    {
        _batch.Begin(_sequence + 1, time);
        _batchById.Clear();
        _appended.Clear();
    }

    /// <summary>Stores the batch.</summary>
    /// <returns>False when it could not be stored; then nothing of it may be appended.</returns>
    public bool TryStore()
    {
        if (_batch.Frames.Count == 0)
        {
            return true;
        }

        var isStored = _store(_batch);
        _sequence += isStored ? _batch.Frames.Count : 0;
        return isStored;
    }

    /// <summary>The log of a channel.</summary>
    public ChannelLog LogOf(string channel)
    {
        if (!_channels.TryGetValue(channel, out var log))
        {
            _channels.Add(channel, log = _history.CreateLog(channel));
        }

        return log;
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

    /// <summary>Counts a newcomer in, and puts what tells the others into the batch.</summary>
    public void EncodeJoin(ChannelLog log, string client)
    {
        log.Audience++;

        // Nobody else is there to be told when the audience is the newcomer alone.
        if (log.Audience > 1 && log.Audience <= _presenceLimit)
        {
            SseFrame.WriteJoin(_batch.Output, client, NanoId.Generate());
            _batch.Add(log);
        }
    }

    /// <summary>Counts one out who has gone, and puts what tells the others into the batch.</summary>
    public void EncodeLeave(ChannelLog log, string client)
    {
        log.Audience--;
        if (log.Audience > 0 && log.Audience < _presenceLimit)
        {
            SseFrame.WriteLeave(_batch.Output, client, NanoId.Generate());
            _batch.Add(log);
        }
    }

    /// <summary>Appends a frame of the batch, which has been stored.</summary>
    public FramePosition Append(BatchFrame frame)
    {
        _appended.Add(frame.Log);
        return _history.Append(frame.Log, _batch.BytesOf(frame), _batch.Time);
    }

    /// <summary>
    /// Where a client begins: behind <paramref name="lastEventId"/> when that is kept, with all that is kept when it is not, and
    /// with the next event when it is null.
    /// </summary>
    public (Cursor Start, bool HasGap) Find(ChannelLog log, string? lastEventId)
    {
        if (lastEventId is null)
        {
            return (log.End, false);
        }

        var isKept = _history.TryFind(Encoding.UTF8.GetBytes(lastEventId), out var last) && last.Segment.Log == log;
        return isKept ? (Cursor.Behind(last), false) : (log.Beginning, lastEventId != SseEvent.Earliest);
    }

    /// <summary>Drops what has become too old.</summary>
    public void Expire() => _history.Expire(_channels.Values, _batch.Time);

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
