using System.Diagnostics.CodeAnalysis;
using SseListener.Events;

namespace SseListener.Journal;

/// <summary>
/// Keeps frames in the files of a folder, each of which is itself an event stream. A batch is appended with one write, and is kept
/// when the operating system has it, or when it is on the disk. Files roll, and go when everything in them is outside history.
/// </summary>
internal sealed class FileJournal : IJournal
{
    // What is on disk goes a file at a time, so this is how closely the limits of history are kept there.
    private const int FilesOfHistory = 8;
    private const long SmallestFile = 64 * 1024;
    private const long LargestFile = 8 * 1024 * 1024;

    // Milliseconds, however short the age: a file takes a descriptor until it is on the disk.
    private const long ShortestFile = 1000;

    private static readonly TimeSpan _lookAfterEvery = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly Lock _lookingAfter = new();
    private readonly FormerFiles _former;
    private readonly List<JournalOutput> _retired = [];
    private readonly JournalFolder _folder;
    private readonly JournalKey _key;
    private readonly string _path;
    private readonly long _bytes;
    private readonly long _age;
    private readonly JournalSync _sync;
    private readonly JournalTimes _times;
    private readonly JournalHealth _health;
    private readonly Log _log;
    private readonly Timer _timer;
    private readonly JournalEncoder _encoder = new();
    private JournalOutput _output;
    private int _refused;

    /// <summary>A journal that is not open yet.</summary>
    /// <param name="path">Its folder; made when missing.</param>
    /// <param name="bytes">Bytes of frames to keep.</param>
    /// <param name="age">How long to keep them.</param>
    /// <param name="sync">When a batch counts as kept.</param>
    /// <param name="times">Told how long writing takes.</param>
    /// <param name="log">Takes what was read back, what was damaged, and why a write failed.</param>
    public FileJournal(string path, long bytes, TimeSpan age, JournalSync sync, JournalTimes times, Log log)
    {
        _folder = new JournalFolder(path, log);
        _key = new JournalKey(path, log);
        _path = path;
        _bytes = bytes;
        _age = (long)age.TotalMilliseconds;
        _former = new FormerFiles(bytes, _age);
        _sync = sync;
        _times = times;
        _health = new JournalHealth(log);
        _log = log;
        _output = new JournalOutput(JournalFile.Create(path, first: 1), times);
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
            if (!_folder.TryLock())
            {
                problem = $"The folder {_path} is in use by another process; --data names another one.";
                return false;
            }

            _key.Read();
            (var files, Last) = _folder.ReadBack(take);
            _key.Begin(Last);
            _output = new JournalOutput(files.LastOrDefault() ?? _output.File, _times);
            files.SkipLast(1).ToList().ForEach(_former.Add);
            _timer.Change(_lookAfterEvery, Timeout.InfiniteTimeSpan);
            return true;
        }
        catch (Exception e) when (JournalOutput.IsFailure(e))
        {
            problem = $"The folder {_path} cannot be used: {e.Message}";
            return false;
        }
    }

    /// <inheritdoc/>
    public bool TryAppend(FrameBatch batch)
    {
        var bytes = _encoder.Encode(batch);
        lock (_lock)
        {
            try
            {
                _folder.Check();
                Roll(batch.Frames[0].Sequence, batch.Time);
                _output.Append(bytes, _sync);
            }
            catch (Exception e) when (JournalOutput.IsFailure(e))
            {
                _refused = bytes.Length;
                _health.Report(e);
                return false;
            }

            _output.File.Count(batch.FrameBytes, batch.Time);
            Last = batch.Frames[^1].Sequence;
            _health.Report(failure: null);
            return true;
        }
    }

    /// <summary>Brings everything to the disk, and lets go of the folder.</summary>
    public void Dispose()
    {
        _timer.Dispose();
        LookAfter();
        lock (_lock)
        {
            _output.Dispose();
        }

        _folder.Dispose();
    }

    private void Roll(long first, long time)
    {
        var file = _output.File;
        var isFull = file.Length >= Math.Clamp(_bytes / FilesOfHistory, SmallestFile, LargestFile);
        var isLong = file.FirstTime > 0 && time - file.FirstTime > Math.Max(ShortestFile, _age / FilesOfHistory);
        if (isFull || isLong)
        {
            _output.Repair();
            Retire(first);
        }
    }

    // Whoever looks after it closes the old file once it is on the disk, which may take long.
    private void Retire(long first)
    {
        if (_output.File.FrameBytes > 0)
        {
            _former.Add(_output.File);
        }

        _retired.Add(_output);
        _output = new JournalOutput(JournalFile.Create(_path, first), _times);
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

    // Flushes what has been written, closes what has been retired, and deletes what is outside history.
    private void LookAfter()
    {
        lock (_lookingAfter)
        {
            JournalOutput[] retired;
            JournalOutput current;
            lock (_lock)
            {
                retired = [.. _retired];
                _retired.Clear();
                current = _output;
            }

            foreach (var output in retired)
            {
                output.Flush(_log);
                output.Dispose();
            }

            current.Flush(_log);
            lock (_lock)
            {
                Tidy(DateTimeOffset.UtcNow.ToUnixTimeMilliseconds());
                TryAgain();
            }
        }
    }

    // Also when nobody publishes: whoever looks at /healthz may keep publishers away until it says that all is well. With as many bytes as
    // could not be written last: on a disk that is nearly full there is always room for a few.
    private void TryAgain()
    {
        if (_health.IsWritable)
        {
            return;
        }

        try
        {
            _folder.Check();
            _output.Probe(_refused, _sync);
            _health.Report(failure: null);
        }
        catch (Exception e) when (JournalOutput.IsFailure(e))
        {
            // Not yet.
        }
    }

    private void Tidy(long now)
    {
        try
        {
            _folder.Keep();
            _key.Keep();
            var isDeleted = _output.IsDeleted;
            if (isDeleted)
            {
                _log.Warning($"{_output.File.Path} has been deleted: what was in it will not outlive the process");
            }

            if (isDeleted || (_output.File.LastTime > 0 && _output.File.LastTime < now - _age))
            {
                // The name of the new one keeps the number to go on from.
                Retire(Last + 1);
                _output.Open(_sync);
            }

            _former.Delete(_output.File, now);
        }
        catch (Exception e) when (JournalOutput.IsFailure(e))
        {
            _log.Debug($"the journal cannot be tidied up: {e.Message}");
        }
    }
}
