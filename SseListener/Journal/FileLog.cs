using SseListener.Events;
using SseListener.Log;

namespace SseListener.Journal;

/// <summary>
/// Stores frames in the files of a folder, each of which is itself an event stream. A batch is appended with one write, and is stored
/// when the operating system has it, or when it is on the disk.
/// </summary>
internal sealed class FileLog(JournalOptions options, LogWriter log) : IEventLog
{
    private static readonly TimeSpan _upkeepEvery = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly Lock _upkeepLock = new();
    private readonly JournalFiles _files = new(options, log);
    private readonly JournalKey _key = new(options.Folder, log);
    private Timer? _timer;
    private ArrayBufferWriter<byte> _buffer = new();
    private volatile bool _isFailing;
    private int _failedBytes;
    private bool _isOpen;

    public long Last { get; private set; }
    public byte[] Key => _key.Bytes;
    public IReadOnlyList<long> Starts => _key.Starts;
    public bool IsWritable => !_isFailing;

    public bool TryOpen(RestoreFrame restore, [NotNullWhen(false)] out string? problem)
    {
        problem = $"The folder {options.Folder} is in use by another process; --data names another one.";
        try
        {
            if (!_files.Folder.TryLock())
                return false;

            _key.Read();
            (var files, Last) = new JournalReader(restore, log).ReadFolder(options.Folder);
            _key.Begin(Last);
            _files.Open(files, Last + 1);
            _isOpen = true;
            _timer = new Timer(_ => Upkeep(), state: null, _upkeepEvery, Timeout.InfiniteTimeSpan);
            problem = null;
            return true;
        }
        catch (Exception e) when (Disk.IsFailure(e))
        {
            problem = $"The folder {options.Folder} cannot be used: {e.Message}";
            return false;
        }
    }

    public ValueTask<Stored> AppendAsync(FrameBatch batch, Action<FrameBatch> apply)
    {
        var stored = Append(batch);
        if (stored is Stored.All)
            apply(batch);

        return ValueTask.FromResult(stored);
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
                _files.Flush();
                _files.DeleteOldFiles(SteadyClock.Now);
            }

            _timer?.Dispose();
            _files.Dispose();
        }
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
                return isBegun && !TryRepair() ? Stored.Unknown : Stored.None;
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
            JournalLine.Write(_buffer, batch, frame, time);

        return _buffer.WrittenSpan;
    }

    private bool TryRepair()
    {
        try
        {
            _files.Current.Repair();
            return true;
        }
        catch (Exception e) when (Disk.IsFailure(e))
        {
            return false;
        }
    }

    // One at a time: a slow disk must not block a thread more every second.
    private void Upkeep()
    {
        lock (_upkeepLock)
        {
            if (!_isOpen)
                return;

            _files.Flush();
            lock (_lock)
            {
                EnsureWritable();
                if (!_isFailing)
                    _files.DeleteOldFiles(SteadyClock.Now);
            }

            _timer!.Change(_upkeepEvery, Timeout.InfiniteTimeSpan);
        }
    }

    // Also when nobody publishes: publishers may wait until /healthz says that all is well. It probes with as many bytes as could not be
    // written last, since a disk that is nearly full always has room for a few.
    private void EnsureWritable()
    {
        try
        {
            _files.Folder.EnsureLocked();
            _key.EnsureWritten();
            _files.Prepare(Last + 1, SteadyClock.Now);
            if (_isFailing)
                _files.Current.Probe(_failedBytes);

            ReportWrite(failure: null);
        }
        catch (Exception e) when (Disk.IsFailure(e))
        {
            ReportWrite(e);
        }
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
