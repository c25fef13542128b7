using System.Diagnostics;
using Microsoft.Win32.SafeHandles;
using SseListener.Log;

namespace SseListener.Journal;

/// <summary>The file that is appended to, which is open all the time: that also tells another process that the folder is in use.</summary>
internal sealed class JournalOutput : IDisposable
{
    private readonly JournalSync _sync;
    private readonly JournalTimes _times;
    private readonly FileStatus _status;
    private SafeFileHandle _handle;
    private volatile bool _isUnflushed;

    /// <summary>Opens a file, or makes it, and cuts it to what is good.</summary>
    /// <param name="file">Which file; told what has been written.</param>
    /// <param name="sync">How far what is appended has to get.</param>
    /// <param name="times">Told how long it took.</param>
    /// <exception cref="Exception">It cannot be opened: <see cref="IsFailure"/>.</exception>
    public JournalOutput(JournalFile file, JournalSync sync, JournalTimes times)
    {
        (File, _sync, _times) = (file, sync, times);
        _handle = Open(file.Length > 0 ? FileMode.Open : FileMode.OpenOrCreate);
        _status = Disk.Of(_handle);
    }

    /// <summary>The file.</summary>
    public JournalFile File { get; }

    /// <summary>Whether there is something behind what is good: a part of what could not be written, or all of it.</summary>
    public bool IsTorn { get; private set; }

    /// <summary>
    /// Whether this is how the file system says no. A file that has grown too large is, of all things, an argument out of range.
    /// </summary>
    public static bool IsFailure(Exception e) =>
        e is IOException or UnauthorizedAccessException or ArgumentOutOfRangeException or NotSupportedException or ObjectDisposedException;

    /// <summary>What has become of the file under its name; null when it is as this process has left it.</summary>
    /// <exception cref="IOException">It cannot be found out.</exception>
    public string? FindChange() => Disk.Find(File.Path) switch
    {
        null => "deleted",
        { } status when !status.IsSame(_status) => "replaced",
        { } status when status.Length != File.Length && !IsTorn => "changed by another program",
        _ => null,
    };

    /// <summary>Appends bytes. When that fails there may be a part of them, or all, until it has been repaired.</summary>
    /// <exception cref="Exception">It cannot be written: <see cref="IsFailure"/>.</exception>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        var started = Stopwatch.GetTimestamp();
        try
        {
            Write(bytes);
            IsTorn = false;
            _isUnflushed = _sync is JournalSync.Os;
            File.Length += bytes.Length;
        }
        finally
        {
            JournalTimes.Record(_times.Writes, started);
        }
    }

    /// <summary>Finds out whether so many bytes can be appended, and takes them back.</summary>
    /// <exception cref="Exception">It cannot be written: <see cref="IsFailure"/>.</exception>
    public void Probe(int length)
    {
        var comment = new byte[length];
        comment.AsSpan().Fill((byte)':');
        Write(comment);
        Repair();
    }

    /// <summary>Cuts off what is not good, so that it can be appended to, or the next file can be begun.</summary>
    /// <exception cref="Exception">It cannot be done: <see cref="IsFailure"/>.</exception>
    public void Repair()
    {
        if (IsTorn)
        {
            // What failed may be the handle.
            var handle = Open(FileMode.Open);
            _handle.Dispose();
            _handle = handle;
            IsTorn = false;
        }
    }

    /// <summary>Brings to the disk what has been appended, or else the next time. Beside an append: it may take long.</summary>
    /// <param name="log">Takes why it could not be done.</param>
    public void Flush(LogWriter log)
    {
        if (!_isUnflushed)
        {
            return;
        }

        _isUnflushed = false;
        var started = Stopwatch.GetTimestamp();
        try
        {
            Disk.Sync(_handle);
            JournalTimes.Record(_times.Flushes, started);
        }
        catch (Exception e) when (IsFailure(e))
        {
            // Disposed, when a write has failed meanwhile.
            _isUnflushed = true;
            log.Often(LogLevel.Warning, "not flushed", $"the journal could not be flushed to the disk: {e.Message}");
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _handle.Dispose();

    private void Write(ReadOnlySpan<byte> bytes)
    {
        IsTorn = true;
        RandomAccess.Write(_handle, bytes, File.Length);
    }

    private SafeFileHandle Open(FileMode mode)
    {
        // Written through, a write fails when the disk does.
        var isSynced = _sync is JournalSync.Always;
        var options = isSynced ? FileOptions.WriteThrough : FileOptions.None;
        var handle = System.IO.File.OpenHandle(File.Path, mode, FileAccess.Write, FileShare.Read | FileShare.Delete, options);
        try
        {
            RandomAccess.SetLength(handle, File.Length);
            if (isSynced && mode is FileMode.OpenOrCreate)
            {
                Disk.SyncFolder(Path.GetDirectoryName(File.Path)!);
            }

            return handle;
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }
}
