using Microsoft.Win32.SafeHandles;
using SseListener.Events;
using SseListener.Log;

namespace SseListener.Journal;

/// <summary>
/// One file of a journal. The last one is open for appending all the time, which also tells other processes that the folder is in use.
/// What fails throws: <see cref="Disk.IsFailure"/>.
/// </summary>
internal sealed class JournalFile : IDisposable
{
    private const string Prefix = "journal-";
    private const string Suffix = ".sse";

    private JournalOptions? _options;
    private SafeFileHandle? _handle;
    private FileStatus _status;
    private volatile bool _isUnflushed;

    // Whether there may be something behind what is good: what could not be written, or a part of it.
    private bool _isTorn;

    private JournalFile(string path, long first) => (Path, First) = (path, first);

    public string Path { get; }

    /// <summary>The number of the first frame that it was made for.</summary>
    public long First { get; }

    /// <summary>Bytes that are good.</summary>
    public long Length { get; set; }

    /// <summary>Bytes of the frames alone.</summary>
    public long FrameBytes { get; private set; }

    /// <summary>When its first and its last frame were published, by <see cref="SteadyClock"/>; 0 when there is none.</summary>
    public long FirstTime { get; private set; }
    public long LastTime { get; private set; }

    public static JournalFile Create(string folder, long first) =>
        new(System.IO.Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{Prefix}{first:d20}{Suffix}")), first);

    /// <summary>The files in a folder, oldest first.</summary>
    public static IEnumerable<JournalFile> List(string folder) =>
        from path in Directory.EnumerateFiles(folder, Prefix + "*" + Suffix)
        let number = System.IO.Path.GetFileName(path)[Prefix.Length..^Suffix.Length]
        let first = long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var parsed) ? parsed : -1
        where first >= 0
        orderby first
        select new JournalFile(path, first);

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
        { } status when !status.IsSame(_status) => "replaced",
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

    /// <summary>
    /// Counts frames that are in it, published at a time of <see cref="SteadyClock"/>. Apart from <see cref="Append"/>, for the reader
    /// calls it, too.
    /// </summary>
    public void Count(long frameBytes, long time)
    {
        FirstTime = FirstTime == 0 ? time : FirstTime;
        LastTime = time;
        FrameBytes += frameBytes;
    }

    /// <summary>Finds out whether <paramref name="length"/> bytes can be appended, and removes them again.</summary>
    public void Probe(int length)
    {
        var comment = new byte[length];
        comment.AsSpan().Fill((byte)':');
        Write(comment);
        Repair();
    }

    /// <summary>Cuts off what is not good, so that it can be appended to, or the next file can be begun.</summary>
    public void Repair()
    {
        if (_isTorn)
        {
            // What failed may be the handle.
            var handle = Open(FileMode.Open);
            _handle!.Dispose();
            _handle = handle;
            _isTorn = false;
        }
    }

    /// <summary>Brings to the disk what has been appended; if that fails, the next call tries again. It may run beside an append.</summary>
    public void Flush(LogWriter log)
    {
        if (!_isUnflushed)
            return;

        _isUnflushed = false;
        var started = Stopwatch.GetTimestamp();
        try
        {
            Disk.Sync(_handle!);
            _options!.Flushes.Record(Stopwatch.GetElapsedTime(started).TotalSeconds);
        }
        catch (Exception e) when (Disk.IsFailure(e))
        {
            // Also when a repair has just replaced the handle.
            _isUnflushed = true;
            log.Often(LogLevel.Warning, "not flushed", $"the journal could not be flushed to the disk: {e.Message}");
        }
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
