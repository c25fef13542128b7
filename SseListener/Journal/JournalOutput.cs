using System.Diagnostics;
using Microsoft.Win32.SafeHandles;

namespace SseListener.Journal;

/// <summary>The file that is appended to. It is opened when there is something to write, and again after a write has failed.</summary>
/// <param name="file">Which file; told what has been written.</param>
/// <param name="times">Told how long it took.</param>
internal sealed class JournalOutput(JournalFile file, JournalTimes times) : IDisposable
{
    private SafeFileHandle? _handle;
    private volatile bool _isUnflushed;
    private bool _isTorn;

    /// <summary>The file.</summary>
    public JournalFile File => file;

    /// <summary>Whether it was open, and somebody has deleted it.</summary>
    public bool IsDeleted => _handle is not null && !System.IO.File.Exists(file.Path);

    /// <summary>
    /// Whether this is how the file system says no. A file that has grown too large is, of all things, an argument out of range.
    /// </summary>
    public static bool IsFailure(Exception e) =>
        e is IOException or UnauthorizedAccessException or ArgumentOutOfRangeException or NotSupportedException or ObjectDisposedException;

    /// <summary>Appends bytes, all of them or none.</summary>
    /// <param name="bytes">What to append.</param>
    /// <param name="sync">How far they have to get.</param>
    /// <exception cref="Exception">It cannot be written: <see cref="IsFailure"/>.</exception>
    public void Append(ReadOnlySpan<byte> bytes, JournalSync sync)
    {
        var started = Stopwatch.GetTimestamp();
        try
        {
            Open(sync);
            RandomAccess.Write(_handle!, bytes, file.Length);
            _isUnflushed = sync is JournalSync.Os;
            file.Length += bytes.Length;
        }
        catch
        {
            CutBack();
            throw;
        }
        finally
        {
            JournalTimes.Record(times.Writes, started);
        }
    }

    /// <summary>Finds out whether so many bytes can be appended, and takes them back.</summary>
    /// <exception cref="Exception">It cannot be written: <see cref="IsFailure"/>.</exception>
    public void Probe(int length, JournalSync sync)
    {
        try
        {
            Open(sync);
            var comment = new byte[length];
            comment.AsSpan().Fill((byte)':');
            RandomAccess.Write(_handle!, comment, file.Length);
            RandomAccess.SetLength(_handle!, file.Length);
        }
        catch
        {
            CutBack();
            throw;
        }
    }

    /// <summary>Opens the file, and cuts it to what is good.</summary>
    /// <exception cref="Exception">It cannot be opened: <see cref="IsFailure"/>.</exception>
    public void Open(JournalSync sync)
    {
        if (_handle is null)
        {
            // Written through, a write fails when the disk does. FlushToDisk says nothing of it (seen with fsync made to fail).
            var options = sync is JournalSync.Always ? FileOptions.WriteThrough : FileOptions.None;
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(file.Path))!);
            _handle = System.IO.File.OpenHandle(file.Path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.Read | FileShare.Delete, options);
            RandomAccess.SetLength(_handle, file.Length);
            _isTorn = false;
        }
    }

    /// <summary>Cuts off what could not be cut off when a write failed; to be done before the next file is begun.</summary>
    /// <exception cref="Exception">It still cannot: <see cref="IsFailure"/>.</exception>
    public void Repair()
    {
        if (_isTorn)
        {
            Open(JournalSync.Os);
        }
    }

    /// <summary>Brings to the disk what has been appended, or else the next time. Beside an append: it may take long.</summary>
    /// <param name="log">Takes why it could not be done.</param>
    public void Flush(Log log)
    {
        if (_isUnflushed && _handle is { } handle)
        {
            _isUnflushed = false;
            var started = Stopwatch.GetTimestamp();
            try
            {
                RandomAccess.FlushToDisk(handle);
                JournalTimes.Record(times.Flushes, started);
            }
            catch (Exception e) when (IsFailure(e))
            {
                // Disposed, when a write has failed meanwhile.
                _isUnflushed = true;
                log.Warning($"the journal could not be flushed to the disk: {e.Message}");
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _handle?.Dispose();
        _handle = null;
    }

    // A write that failed may have left a part of what it was to write. What cannot be cut off now is when it is opened again.
    private void CutBack()
    {
        try
        {
            if (_handle is not null)
            {
                RandomAccess.SetLength(_handle, file.Length);
            }
        }
        catch (Exception e) when (IsFailure(e))
        {
            _isTorn = true;
        }

        Dispose();
    }
}
