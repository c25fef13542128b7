using SseListener.Log;

namespace SseListener.Journal;

/// <summary>
/// The files of a journal: one is appended to until it is full or old, then the next one is begun; one whose frames are all outside
/// history is deleted. For one thread at a time, except <see cref="Flush"/>. What fails throws: <see cref="Disk.IsFailure"/>.
/// </summary>
internal sealed class JournalFiles(JournalOptions options, LogWriter log) : IDisposable
{
    private const int FilesOfHistory = 8; // A file is deleted as a whole, so this is how closely the limits are kept on the disk.
    private const long SmallestFile = 64 * 1024;
    private const long LargestFile = 8 * 1024 * 1024;
    private const long ShortestAge = 1000; // Milliseconds, however short the age: a file needs a descriptor until it is on the disk.
    private readonly long _age = (long)options.Age.TotalMilliseconds;
    private readonly Queue<JournalFile> _oldFiles = new();
    private readonly ConcurrentQueue<JournalFile> _unflushed = new();
    private volatile JournalFile? _current;

    public JournalFolder Folder { get; } = new(options.Folder);

    /// <summary>The file that is appended to, once <see cref="Open"/> has succeeded.</summary>
    public JournalFile Current => _current!;

    /// <summary>Opens the last of the files read back (oldest first), or a new one for frames from <paramref name="next"/> on.</summary>
    public void Open(List<JournalFile> files, long next)
    {
        files.SkipLast(1).ToList().ForEach(_oldFiles.Enqueue);
        Begin(files.LastOrDefault() ?? JournalFile.Named(options.Folder, next));
    }

    /// <summary>Makes sure that what is appended will be read back: that the file is what its name means, is whole, and has room.</summary>
    public void Prepare(long next, long now)
    {
        var file = Current;
        if (file.FindChange() is { } change)
        {
            Folder.EnsureLocked();
            BeginNext(next);
            log.Warning($"{file.Path} has been {change}: what was in it may not outlive the process, and another file is begun");
            return;
        }

        file.Repair();
        var isFull = file.Length >= Math.Clamp(options.Bytes / FilesOfHistory, SmallestFile, LargestFile);
        var isOld = file.FirstTime > 0 && now - file.FirstTime > Math.Max(ShortestAge, _age / FilesOfHistory);
        if (isFull || isOld)
            BeginNext(next);
    }

    /// <summary>Brings to the disk what may not be there yet. One call at a time, beside the other methods: it may take long.</summary>
    public void Flush()
    {
        while (_unflushed.TryDequeue(out var file))
        {
            file.Flush(log);
            file.Dispose();
        }

        Current.Flush(log);
    }

    public void TryDeleteOldFiles(long now)
    {
        if (Disk.Attempt(() => DeleteOldFiles(now)) is { } e)
            log.Often(LogLevel.Warning, "not deleted", $"a file of the journal that is not needed any more cannot be deleted: {e.Message}");
    }

    public void Dispose()
    {
        _current?.Dispose();
        Folder.Dispose();
    }

    private void DeleteOldFiles(long now)
    {
        var count = _oldFiles.Count;
        for (; _oldFiles.Count > 0 && IsOutsideHistory(_oldFiles.Peek(), now); _oldFiles.Dequeue())
            File.Delete(_oldFiles.Peek().Path);

        if (_oldFiles.Count < count && options.Sync is JournalSync.Always)
            Disk.SyncFolder(options.Folder);
    }

    private bool IsOutsideHistory(JournalFile oldest, long now) => oldest.LastTime < now - _age
        || _oldFiles.Skip(1).Append(Current).Sum(file => file.FrameBytes) >= options.Bytes;

    private void Begin(JournalFile file)
    {
        file.Open(options);
        _current = file;
    }

    // The old file is closed once it is on the disk.
    private void BeginNext(long next)
    {
        var old = Current;
        Begin(JournalFile.Named(options.Folder, next));
        _unflushed.Enqueue(old);
        if (old.FrameBytes > 0)
            _oldFiles.Enqueue(old);
    }
}
