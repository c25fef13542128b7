using System.Diagnostics.CodeAnalysis;
using SseListener.Events;
using SseListener.Log;

namespace SseListener.Journal;

/// <summary>
/// Keeps frames in the files of a folder, each of which is itself an event stream. A batch is appended with one write, and is kept
/// when the operating system has it, or when it is on the disk.
/// </summary>
internal sealed class FileJournal : IEventLog
{
    private static readonly TimeSpan _lookAfterEvery = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly Lock _lookingAfter = new();
    private readonly JournalFolder _folder;
    private readonly JournalFiles _files;
    private readonly JournalKey _key;
    private readonly JournalHealth _health;
    private readonly LogWriter _log;
    private readonly Timer _timer;
    private readonly JournalEncoder _encoder = new();
    private int _refused;
    private bool _isOpen;

    /// <summary>A journal that is not open yet.</summary>
    /// <param name="path">Its folder; made when missing.</param>
    /// <param name="bytes">Bytes of frames to keep.</param>
    /// <param name="age">How long to keep them.</param>
    /// <param name="sync">When a batch counts as kept.</param>
    /// <param name="times">Told how long writing takes.</param>
    /// <param name="log">Takes what was read back, what was damaged, and why a write failed.</param>
    public FileJournal(string path, long bytes, TimeSpan age, JournalSync sync, JournalTimes times, LogWriter log)
    {
        _folder = new JournalFolder(path, log);
        _files = new JournalFiles(_folder, bytes, (long)age.TotalMilliseconds, sync, times, log);
        _key = new JournalKey(path, log);
        _health = new JournalHealth(log);
        _log = log;
        _timer = new Timer(_ => LookAfterAgain());
    }

    /// <inheritdoc/>
    public long Last { get; private set; }

    /// <inheritdoc/>
    public byte[] Key => _key.Bytes;

    /// <inheritdoc/>
    public IReadOnlyList<long> Starts => _key.Starts;

    /// <inheritdoc/>
    public bool IsWritable => _health.IsWritable;

    /// <inheritdoc/>
    public bool TryOpen(TakeFrame take, [NotNullWhen(false)] out string? problem)
    {
        problem = null;
        try
        {
            if (!_folder.TryTake())
            {
                problem = $"The folder {_folder.Path} is in use by another process; --data names another one.";
                return false;
            }

            _key.Read();
            (var files, Last) = _folder.ReadBack(take);
            _key.Begin(Last);
            _files.Open(files, Last + 1);
            _isOpen = true;
            _timer.Change(_lookAfterEvery, Timeout.InfiniteTimeSpan);
            return true;
        }
        catch (Exception e) when (JournalOutput.IsFailure(e))
        {
            problem = $"The folder {_folder.Path} cannot be used: {e.Message}";
            return false;
        }
    }

    /// <inheritdoc/>
    public ValueTask<Stored> AppendAsync(FrameBatch batch, Action<FrameBatch> apply)
    {
        var stored = Append(batch);
        if (stored is Stored.All)
        {
            apply(batch);
        }

        return ValueTask.FromResult(stored);
    }

    /// <summary>Takes no more, brings everything to the disk, and only then lets go of the folder.</summary>
    public void Dispose()
    {
        _timer.Dispose();
        lock (_lookingAfter)
        {
            bool wasOpen;
            lock (_lock)
            {
                (wasOpen, _isOpen) = (_isOpen, false);
            }

            if (wasOpen)
            {
                Flush();
                _files.DeleteFormer(SteadyClock.Now);
            }

            _files.Dispose();
            _folder.Dispose();
        }
    }

    private Stored Append(FrameBatch batch)
    {
        var bytes = _encoder.Encode(batch);
        lock (_lock)
        {
            var stored = Stored.None;
            try
            {
                ObjectDisposedException.ThrowIf(!_isOpen, this);
                _files.Prepare(batch.Frames[0].Sequence, batch.Time);
                stored = Stored.Unknown;
                _files.Output.Append(bytes);
            }
            catch (Exception e) when (JournalOutput.IsFailure(e))
            {
                _refused = bytes.Length;
                _health.Report(e);
                return stored is Stored.Unknown && !TryRepair() ? Stored.Unknown : Stored.None;
            }

            _files.Output.File.Count(batch.FrameBytes, batch.Time);
            Last = batch.Frames[^1].Sequence;
            _health.Report(failure: null);
            return Stored.All;
        }
    }

    private bool TryRepair()
    {
        try
        {
            _files.Output.Repair();
            return true;
        }
        catch (Exception e) when (JournalOutput.IsFailure(e))
        {
            return false;
        }
    }

    // One after the other: a slow disk must not take a thread more every second.
    private void LookAfterAgain()
    {
        try
        {
            LookAfter();
            _timer.Change(_lookAfterEvery, Timeout.InfiniteTimeSpan);
        }
        catch (ObjectDisposedException)
        {
            // The journal has been closed meanwhile.
        }
    }

    private void LookAfter()
    {
        lock (_lookingAfter)
        {
            ObjectDisposedException.ThrowIf(!_isOpen, this);
            Flush();
            lock (_lock)
            {
                Keep(SteadyClock.Now);
            }
        }
    }

    private void Flush()
    {
        JournalOutput[] retired;
        JournalOutput current;
        lock (_lock)
        {
            (retired, current) = _files.TakeUnflushed();
        }

        foreach (var output in retired)
        {
            output.Flush(_log);
            output.Dispose();
        }

        current.Flush(_log);
    }

    // Also when nobody publishes: whoever looks at /healthz may keep publishers away until it says that all is well. With as many bytes as
    // could not be written last: on a disk that is nearly full there is always room for a few.
    private void Keep(long now)
    {
        try
        {
            _folder.Keep();
            _key.Keep();
            _files.Prepare(Last + 1, now);
            if (!_health.IsWritable)
            {
                _files.Output.Probe(_refused);
            }

            _health.Report(failure: null);
        }
        catch (Exception e) when (JournalOutput.IsFailure(e))
        {
            _health.Report(e);
            return;
        }

        _files.DeleteFormer(now);
    }
}
