using Microsoft.Win32.SafeHandles;
using SseListener.Events;
using SseListener.Log;

namespace SseListener.Journal;

/// <summary>One file of a journal. The last one stays open for appending. What fails throws: <see cref="Disk.IsFailure"/>.</summary>
internal sealed class JournalFile(string path, long first) : IDisposable
{
    public const string Prefix = "journal-";
    public const string Suffix = ".sse";
    private JournalOptions? _options;
    private SafeFileHandle? _handle;
    private FileStatus _status;
    private volatile bool _isUnflushed;
    private bool _isTorn; // There may be something behind what is good: a part of what could not be written.

    public string Path => path;

    /// <summary>The least number that its first frame may have.</summary>
    public long First => first;

    /// <summary>Bytes that are good, those of the lines before the frames included.</summary>
    public long Length { get; set; }
    public long FrameBytes { get; private set; }

    /// <summary>Bytes of its frames that are no longer kept, where there are rules of what is.</summary>
    public long DroppedBytes { get; set; }

    /// <summary>Bytes of its frames that are kept.</summary>
    public long KeptBytes => FrameBytes - DroppedBytes;

    /// <summary>When it was last cleaned, or closed, by <see cref="SteadyClock"/>; 0 for one that was read back.</summary>
    public long CleanedAt { get; set; }

    /// <summary>When it could not be cleaned, in milliseconds of the system's ticks; 0 if it could.</summary>
    public long FailedAt { get; set; }

    /// <summary>When its first and its last frame were published, by <see cref="SteadyClock"/>; 0 when there is none.</summary>
    public long FirstTime { get; private set; }
    public long LastTime { get; private set; }

    public static JournalFile Named(string folder, long first) =>
        new(System.IO.Path.Combine(folder, FormattableString.Invariant($"{Prefix}{first:d20}{Suffix}")), first);

    /// <summary>The files in a folder, oldest first.</summary>
    public static IEnumerable<JournalFile> List(string folder) =>
        from file in Directory.EnumerateFiles(folder, Prefix + "*" + Suffix)
        let name = System.IO.Path.GetFileName(file)[Prefix.Length..^Suffix.Length]
        let number = long.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var parsed) ? parsed : -1
        where number >= 0
        orderby number
        select new JournalFile(file, number);

    /// <summary>Opens it for appending, or makes it, and cuts off what is not good.</summary>
    public void Open(JournalOptions options)
    {
        _options = options;

        // A file that was read back must still be there.
        _handle = Open(Length > 0 ? FileMode.Open : FileMode.OpenOrCreate);
        _status = Disk.Of(_handle);
    }

    /// <summary>What has become of the file under its name; null when it is as this process has left it.</summary>
    public string? FindChange() => Disk.Find(Path) switch
    {
        null => "deleted",
        { } status when status.File != _status.File => "replaced",
        { } status when status.Length != Length && !_isTorn => "changed by another program",
        _ => null,
    };

    /// <summary>Appends bytes. When that fails, all or a part of them may be there until <see cref="Repair"/>.</summary>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        var started = Stopwatch.GetTimestamp();
        try
        {
            Write(bytes);
            _isTorn = false;
            _isUnflushed = _options!.Sync is JournalSync.Os;
            Length += bytes.Length;
        }
        finally
        {
            _options!.Writes.Record(Stopwatch.GetElapsedTime(started).TotalSeconds);
        }
    }

    /// <summary>Counts frames in it, published at a time of <see cref="SteadyClock"/>. Also when it is read back or cleaned.</summary>
    public void Count(long frameBytes, long time)
    {
        FirstTime = FirstTime == 0 ? time : FirstTime;
        LastTime = time;
        FrameBytes += frameBytes;
    }

    /// <summary>Finds out whether <paramref name="length"/> bytes can be appended, and removes them again.</summary>
    public void Probe(int length)
    {
        Write([.. Enumerable.Repeat((byte)':', length)]);
        Repair();
    }

    /// <summary>Cuts off what is not good, so that it can be appended to, or the next file can be begun.</summary>
    public void Repair()
    {
        if (_isTorn)
        {
            // What failed may be the handle. Opening it anew also cuts the file to Length.
            var handle = Open(FileMode.Open);
            _handle!.Dispose();
            _handle = handle;
            _isTorn = false;
        }
    }

    /// <summary>
    /// Brings to the disk what has been appended. If that fails, it is false, and the next call tries again. It may run beside an append.
    /// </summary>
    public bool TryFlush(LogWriter log)
    {
        if (!_isUnflushed)
            return true;

        _isUnflushed = false;
        var started = Stopwatch.GetTimestamp();
        if (Disk.Attempt(() => Disk.Sync(_handle!)) is { } failure)
        {
            // Also when a repair has just replaced the handle.
            _isUnflushed = true;
            log.Often(LogLevel.Warning, "not flushed", $"the journal could not be flushed to the disk: {failure.Message}");
            return false;
        }

        _options!.Flushes.Record(Stopwatch.GetElapsedTime(started).TotalSeconds);
        return true;
    }

    public void Dispose() => _handle?.Dispose();

    private void Write(ReadOnlySpan<byte> bytes)
    {
        _isTorn = true;
        RandomAccess.Write(_handle!, bytes, Length);
    }

    private SafeFileHandle Open(FileMode mode)
    {
        // Written through, a write fails when the disk does.
        var isSynced = _options!.Sync is JournalSync.Always;
        var options = isSynced ? FileOptions.WriteThrough : FileOptions.None;
        var handle = File.OpenHandle(Path, mode, FileAccess.Write, FileShare.Read | FileShare.Delete, options);
        try
        {
            RandomAccess.SetLength(handle, Length);
            if (isSynced && mode is FileMode.OpenOrCreate)
                Disk.SyncFolder(_options.Folder);

            return handle;
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }
}
