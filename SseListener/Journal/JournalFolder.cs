using Microsoft.Win32.SafeHandles;

namespace SseListener.Journal;

/// <summary>The folder of a journal. A lock on a file keeps other processes out. What fails throws: <see cref="Disk.IsFailure"/>.</summary>
internal sealed class JournalFolder(string path) : IDisposable
{
    private readonly string _lockFile = Path.Combine(path, "lock");
    private SafeFileHandle? _lock;
    private bool _isLost;

    /// <summary>Makes the folder when it is missing, and locks it; false when another process has it.</summary>
    public bool TryLock()
    {
        Create();

        // The process that has it keeps a file of the journal open as well: somebody may have deleted the lock.
        return JournalFile.List(path).All(file => IsFree(file.Path)) && TryOpenLock();
    }

    /// <summary>Makes sure that this process has what is the folder now: locks it again when it was deleted, moved or replaced.</summary>
    public void EnsureLocked()
    {
        if (!_isLost && (_lock is null || Disk.Find(_lockFile)?.File != Disk.Of(_lock).File))
        {
            _lock?.Dispose();
            _lock = null;
            Create();
            _isLost = !TryOpenLock();
        }

        if (_isLost)
        {
            // For good: what the other process stores there is not known here, and what was stored after it would be lost.
            throw new IOException($"The folder {path} is not the one that this process had, and another process has it now."
                + " This one can only be started again.");
        }
    }

    public void Dispose() => _lock?.Dispose();

    private void Create()
    {
        if (!Directory.Exists(path))
        {
            Directory.CreateDirectory(path);
            Disk.SyncFolder(Path.GetDirectoryName(Path.GetFullPath(path))!);
        }
    }

    private bool TryOpenLock()
    {
        try
        {
            // The operating system releases it when the process ends, however it ends.
            _lock = File.OpenHandle(_lockFile, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            return true;
        }
        catch (IOException) when (File.Exists(_lockFile) && !IsFree(_lockFile))
        {
            return false;
        }
    }

    private static bool IsFree(string file) =>
        Disk.Attempt(() => File.OpenHandle(file, FileMode.Open, FileAccess.Read, FileShare.None).Dispose()) is not IOException;
}
