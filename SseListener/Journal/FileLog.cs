using System.Diagnostics.Metrics;
using SseListener.Events;
using SseListener.Log;

namespace SseListener.Journal;

/// <summary>Stores frames in the files of a folder, each of which is itself an event stream. A batch is appended with one write.</summary>
internal sealed class FileLog(JournalOptions options, LogWriter log) : IEventLog
{
    private static readonly TimeSpan _upkeepEvery = TimeSpan.FromSeconds(1);
    private readonly Lock _lock = new();
    private readonly Lock _upkeepLock = new();
    private readonly JournalFiles _files = new(options, log);
    private readonly JournalKey _key = new(options.Folder, log);
    private readonly CancellationTokenSource _stopping = new();
    private JournalCleaner? _cleaner;
    private Task _cleaning = Task.CompletedTask;
    private Timer? _timer;
    private ArrayBufferWriter<byte> _buffer = new();
    private volatile bool _isFailing;
    private int _failedBytes;
    private bool _isOpen;

    public long Last { get; private set; }
    public byte[] Key => _key.Bytes;
    public IReadOnlyList<long> Starts => _key.Starts;
    public string? Problem => _isFailing ? "The journal cannot be written." : null;

    public IReadOnlyList<SkippedNumbers> Skipped => _key.Skipped;

    public bool TryOpen(RestoreFrame restore, Action<HubWork> enqueue, [NotNullWhen(false)] out string? problem)
    {
        _cleaner = options.CleanEvery is null ? null : new JournalCleaner(options, _files, _lock, enqueue, log);
        var failure = Disk.Attempt(() => Open(restore));
        problem = failure is not null ? $"The folder {options.Folder} cannot be used: {failure.Message}"
            : !_isOpen ? $"The folder {options.Folder} is in use by another process; --data names another one."
            : null;
        return problem is null;
    }

    public ValueTask<Stored> AppendAsync(FrameBatch batch, Action<FrameBatch> apply)
    {
        var stored = Append(batch);
        if (stored is Stored.All)
            apply(batch);

        return ValueTask.FromResult(stored);
    }

    public void Drop(long sequence, int length)
    {
        lock (_lock)
            _files.Drop(sequence, length);
    }

    /// <summary>Refuses further batches, brings everything to the disk, and only then unlocks the folder.</summary>
    public void Dispose()
    {
        lock (_upkeepLock)
        {
            bool wasOpen;
            lock (_lock)
                (wasOpen, _isOpen) = (_isOpen, false);

            if (wasOpen)
            {
                _stopping.Cancel();
                _cleaning.Wait();
                _files.Flush();
            }

            _stopping.Dispose();
            _timer?.Dispose();
            _files.Dispose();
        }
    }

    private void Open(RestoreFrame restore)
    {
        if (!_files.Folder.TryLock())
            return;

        _key.Read();
        JournalCleaner.DeleteUnfinished(options.Folder);
        Last = new JournalReader(restore, log).Read(options.Folder, _files.Find());
        _key.Begin(Last);
        _files.Open(Last + 1);
        _isOpen = true;
        _timer = new Timer(_ => Upkeep(), state: null, _upkeepEvery, Timeout.InfiniteTimeSpan);
    }

    private Stored Append(FrameBatch batch)
    {
        var bytes = Encode(batch);
        lock (_lock)
        {
            var isBegun = false;
            try
            {
                ObjectDisposedException.ThrowIf(!_isOpen, this);
                _files.Prepare(batch.Frames[0].Sequence, batch.Time);
                isBegun = true;
                _files.Current.Append(bytes);
            }
            catch (Exception e) when (Disk.IsFailure(e))
            {
                _failedBytes = bytes.Length;
                ReportWrite(e);
                return isBegun && Disk.Attempt(_files.Current.Repair) is not null ? Stored.Unknown : Stored.None;
            }

            _files.Current.Count(batch.FrameBytes, batch.Time);
            Last = batch.Frames[^1].Sequence;
            ReportWrite(failure: null);
            return Stored.All;
        }
    }

    // Good until the next call.
    private ReadOnlySpan<byte> Encode(FrameBatch batch)
    {
        FrameBatch.Reset(ref _buffer);

        // The machine's time: after a restart there is no other, and time that a machine has slept counts then.
        var time = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        foreach (var frame in batch.Frames)
            JournalLine.Write(_buffer, frame.Sequence, frame.Channels.Names, time, frame.Following, batch.BytesOf(frame));

        return _buffer.WrittenSpan;
    }

    // One at a time: a slow disk must not block a thread more every second.
    private void Upkeep()
    {
        lock (_upkeepLock)
        {
            if (!_isOpen)
                return;

            _files.Flush();
            Exception? failure;
            lock (_lock)
            {
                // What is outside history goes also while nothing can be written: that may make the room that is missing.
                failure = Disk.Attempt(_files.Folder.EnsureLocked);
                if (failure is null)
                    _files.TryDeleteOldFiles(reports: !_isFailing);

                ReportWrite(failure ?? Disk.Attempt(EnsureWritable));
                if (!_isFailing)
                    _ = Disk.Attempt(() => _files.CloseIfDirty(Last + 1, SteadyClock.Now));
            }

            if (failure is null && _cleaner is not null && _cleaning.IsCompleted)
                _cleaning = Task.Run(() => _cleaner.CleanAsync(_stopping.Token));

            _timer!.Change(_upkeepEvery, Timeout.InfiniteTimeSpan);
        }
    }

    // Also when nobody publishes: publishers may wait until /healthz says that all is well. It probes with as many bytes as could not be
    // written last, since a disk that is nearly full always has room for a few.
    private void EnsureWritable()
    {
        _key.EnsureWritten();
        _files.Prepare(Last + 1, SteadyClock.Now);
        if (_isFailing)
            _files.Current.Probe(_failedBytes);
    }

    // Only a change is logged: publishers go on trying.
    private void ReportWrite(Exception? failure)
    {
        if (failure is not null && !_isFailing)
            log.Error($"nothing can be published, for the journal cannot be written: {failure.Message}");
        else if (failure is null && _isFailing)
            log.Warning("the journal can be written again");

        _isFailing = failure is not null;
    }
}

/// <summary>
/// When a publish counts as stored: once the operating system has it, which writes it to the disk within a second (safe from a crash of the
/// process), or once it is on the disk (safe from a power cut).
/// </summary>
internal enum JournalSync { Os, Always }

/// <summary>
/// A journal's folder, how many bytes of frames it keeps at most and for how long, and the times (seconds) of writes and flushes.
/// </summary>
internal sealed record JournalOptions(
    string Folder, long Bytes, TimeSpan Age, JournalSync Sync, Histogram<double> Writes, Histogram<double> Flushes)
{
    /// <summary>With rules: how long some of a file is to be dropped before it is cleaned. Null without rules.</summary>
    public TimeSpan? CleanEvery { get; init; }
}
