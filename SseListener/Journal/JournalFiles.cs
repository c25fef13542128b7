using SseListener.Events;
using SseListener.Log;

namespace SseListener.Journal;

/// <summary>
/// The files of a journal: one is appended to until it is full or old, then the next one is begun; one whose frames are all outside
/// history is deleted, or, where there are rules of what is kept, cleaned. For one thread at a time, except <see cref="Flush"/>. What fails
/// throws: <see cref="Disk.IsFailure"/>.
/// </summary>
internal sealed class JournalFiles(JournalOptions options, LogWriter log) : IDisposable
{
    private const int FilesOfHistory = 8; // A file is deleted as a whole, so this is how closely the limits are kept on the disk.
    private const long SmallestFile = 64 * 1024;
    private const long LargestFile = 8 * 1024 * 1024;
    private const long ShortestAge = 1000; // Milliseconds, however short the age: a file needs a descriptor until it is on the disk.
    private const long ShortestTime = 60_000; // Milliseconds that a file is appended to, whatever is dropped of it.
    private const int LeastPart = 16; // Of a file, one in so many bytes, must be dropped before it is written again.
    private const int LargestNeighbour = 4; // Times as large as what is written again anyway.
    private readonly long _age = (long)options.Age.TotalMilliseconds;
    private readonly long _size = Math.Clamp(options.Bytes / FilesOfHistory, SmallestFile, LargestFile);
    private readonly List<JournalFile> _files = []; // Oldest first.
    private readonly ConcurrentQueue<JournalFile> _unflushed = new();
    private volatile JournalFile? _current;

    public JournalFolder Folder { get; } = new(options.Folder);

    /// <summary>The file that is appended to, the last one, once <see cref="Open"/> has succeeded.</summary>
    public JournalFile Current => _current!;

    private int OldFiles => _files.Count - 1;

    /// <summary>Finds the files that there are, oldest first, so that they can be read back.</summary>
    public IReadOnlyList<JournalFile> Find()
    {
        _files.AddRange(JournalFile.List(options.Folder));
        return _files;
    }

    /// <summary>Opens the last of the files that were read back, or a new one for frames from <paramref name="next"/> on.</summary>
    public void Open(long next)
    {
        if (_files.Count == 0)
            _files.Add(JournalFile.Named(options.Folder, next));

        Begin(_files[^1]);
    }

    /// <summary>Counts a frame with this number, of so many bytes, as no longer kept.</summary>
    public void Drop(long sequence, int length)
    {
        if (_files.FindLast(file => file.First <= sequence) is { } found)
            found.DroppedBytes += length;
    }

    /// <summary>
    /// Finds a closed file that is to be cleaned, for most of it is dropped, or a part long ago: first the one of which least is kept, and
    /// behind all others one that has failed. If it is to be merged, with neighbours that fit into one file with it. End is the first
    /// number of the file behind them.
    /// </summary>
    public (IReadOnlyList<JournalFile> Files, long End) FindDirty(long now, bool merges)
    {
        var dirtyFiles = _files.Take(OldFiles).Where(file => IsDirty(file, file.CleanedAt, now));
        if (dirtyFiles.MinBy(file => (file.FailedAt, file.KeptBytes)) is not { } dirty)
            return ([], 0);

        var first = _files.IndexOf(dirty);
        var (last, kept, length) = (first, dirty.KeptBytes, dirty.Length);
        bool Includes(JournalFile file)
        {
            var fits = merges && file.Length <= length * LargestNeighbour
                && kept + file.KeptBytes <= _size / 2 && length + file.Length <= _size * 2;
            (kept, length) = fits ? (kept + file.KeptBytes, length + file.Length) : (kept, length);
            return fits;
        }

        while (last + 1 < OldFiles && Includes(_files[last + 1]))
            last++;

        while (first > 0 && Includes(_files[first - 1]))
            first--;

        return (_files[first..(last + 1)], _files[last + 1].First);
    }

    // In a file in which all is too old there may still be what says that channels were forgotten. Memory drops a little later.
    private bool IsDirty(JournalFile file, long since, long now)
    {
        var isDue = now - since > options.CleanEvery!.Value.TotalMilliseconds;
        var isDirty = file.DroppedBytes > 0 && file.DroppedBytes * (isDue ? LeastPart : 2) >= file.FrameBytes;
        return isDirty || (isDue && file.FrameBytes > 0 && file.LastTime < now - _age - (_age / FilesOfHistory));
    }

    /// <summary>Puts a file that has been written in place of some of them, under the name of the first.</summary>
    public void Replace(IReadOnlyList<JournalFile> old, JournalFile cleaned, string unfinished)
    {
        Folder.EnsureLocked();
        File.Move(unfinished, cleaned.Path, overwrite: true);
        Disk.SyncFolder(options.Folder);
        var index = _files.IndexOf(old[0]);
        _files[index] = cleaned;
        foreach (var file in old.Skip(1))
        {
            // What it has is in the cleaned one, too; there it counts only once this one is gone.
            File.Delete(file.Path);
            _files.Remove(file);
        }
    }

    /// <summary>Leaves closed files out that somebody has deleted, and returns how many.</summary>
    public int RemoveDeleted()
    {
        // First: RemoveAll must not be interrupted.
        var deleted = _files.FindAll(file => file != Current && Disk.Find(file.Path) is null);
        return _files.RemoveAll(deleted.Contains);
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
        var isFull = file.Length >= _size;
        var isOld = file.FirstTime > 0 && now - file.FirstTime > Math.Max(ShortestAge, _age / FilesOfHistory);
        if (isFull || isOld)
            BeginNext(next);
    }

    /// <summary>Closes the file that is appended to when it is to be cleaned, for only closed ones are; after a minute at least.</summary>
    public void CloseIfDirty(long next, long now)
    {
        var file = Current;
        var isOld = file.FirstTime > 0 && now - file.FirstTime > ShortestTime;
        if (options.CleanEvery is not null && isOld && IsDirty(file, file.FirstTime, now))
            BeginNext(next);
    }

    /// <summary>Brings to the disk what may not be there yet. One call at a time, beside the other methods: it may take long.</summary>
    public void Flush()
    {
        while (_unflushed.FirstOrDefault() is { } file && file.TryFlush(log))
        {
            _unflushed.TryDequeue(out _);
            file.Dispose();
        }

        Current.TryFlush(log);
    }

    /// <summary>
    /// Deletes what is outside history. With rules of what is kept files are cleaned instead. That leaves of a file without anything to
    /// keep its mark, and lines that tell of gaps, until it is merged with another.
    /// </summary>
    /// <param name="reports">Whether a failure is logged.</param>
    public void TryDeleteOldFiles(bool reports)
    {
        if (options.CleanEvery is null && Disk.Attempt(() => DeleteOldFiles(SteadyClock.Now)) is { } e && reports)
            log.Often(LogLevel.Warning, "not deleted", $"a file of the journal that is not needed any more cannot be deleted: {e.Message}");
    }

    public void Dispose()
    {
        _current?.Dispose();
        Folder.Dispose();
    }

    private void DeleteOldFiles(long now)
    {
        var count = 0;
        for (; count < OldFiles && IsOutsideHistory(count, now); count++)
            File.Delete(_files[count].Path);

        _files.RemoveRange(0, count);
        if (count > 0 && options.Sync is JournalSync.Always)
            Disk.SyncFolder(options.Folder);
    }

    private bool IsOutsideHistory(int index, long now) =>
        _files[index].LastTime < now - _age || _files.Skip(index + 1).Sum(file => file.FrameBytes) >= options.Bytes;

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
        old.CleanedAt = SteadyClock.Now;
        if (old.Length == 0)
            _files.Remove(old);

        _files.Add(Current);
    }
}
