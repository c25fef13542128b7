using SseListener.Events;
using SseListener.Log;

namespace SseListener.Journal;

/// <summary>
/// The files of a journal: one is appended to until it is full or long, then the next one is begun; an older one is deleted when
/// everything in it is outside history. For one thread at a time, except <see cref="Flush"/>. Times are of
/// <see cref="SteadyClock"/>. What fails throws: <see cref="Disk.IsFailure"/>.
/// </summary>
internal sealed class JournalFiles(JournalOptions options, LogWriter log) : IDisposable
{
    // History on the disk is deleted a file at a time, so this is how closely its limits are kept there.
    private const int FilesOfHistory = 8;
    private const long SmallestFile = 64 * 1024;
    private const long LargestFile = 8 * 1024 * 1024;

    // Milliseconds, however short the age: a file needs a descriptor until it is on the disk.
    private const long ShortestFile = 1000;

    private readonly long _age = (long)options.Age.TotalMilliseconds;
    private readonly Queue<JournalFile> _oldFiles = new();
    private readonly ConcurrentQueue<JournalFile> _unflushed = new();
    private long _oldBytes;
    private volatile JournalFile? _current;

    public JournalFolder Folder { get; } = new(options.Folder);

    /// <summary>The file that is appended to, once <see cref="Open"/> has succeeded.</summary>
    public JournalFile Current => _current!;

    /// <summary>Opens the last of the files that were read back (oldest first), or a new one for the next frame.</summary>
    public void Open(List<JournalFile> files, long next)
    {
        files.SkipLast(1).ToList().ForEach(AddOldFile);
        Begin(files.LastOrDefault() ?? JournalFile.Create(options.Folder, next));
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
        var isLong = file.FirstTime > 0 && now - file.FirstTime > Math.Max(ShortestFile, _age / FilesOfHistory);
        if (isFull || isLong)
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

    public void DeleteOldFiles(long now)
    {
        try
        {
            var count = _oldFiles.Count;
            while (_oldFiles.Count > 0 && IsOutsideHistory(_oldFiles.Peek(), now))
            {
                File.Delete(_oldFiles.Peek().Path);
                _oldBytes -= _oldFiles.Dequeue().FrameBytes;
            }

            if (_oldFiles.Count < count && options.Sync is JournalSync.Always)
                Disk.SyncFolder(options.Folder);
        }
        catch (Exception e) when (Disk.IsFailure(e))
        {
            log.Often(LogLevel.Warning, "not deleted", $"a file of the journal that is not needed any more cannot be deleted: {e.Message}");
        }
    }

    public void Dispose()
    {
        _current?.Dispose();
        Folder.Dispose();
    }

    private bool IsOutsideHistory(JournalFile oldest, long now) =>
        _oldBytes - oldest.FrameBytes + Current.FrameBytes >= options.Bytes || oldest.LastTime < now - _age;

    private void Begin(JournalFile file)
    {
        file.Open(options);
        _current = file;
    }

    // The old file is closed once it is on the disk.
    private void BeginNext(long next)
    {
        var old = Current;
        Begin(JournalFile.Create(options.Folder, next));
        _unflushed.Enqueue(old);
        if (old.FrameBytes > 0)
            AddOldFile(old);
    }

    private void AddOldFile(JournalFile file)
    {
        _oldFiles.Enqueue(file);
        _oldBytes += file.FrameBytes;
    }
}
