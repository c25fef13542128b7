using System.Diagnostics;
using System.Globalization;
using Microsoft.Win32.SafeHandles;
using SseListener.Events;
using SseListener.Log;

namespace SseListener.Journal;

/// <summary>The folder of a journal, which one process has at a time: by a lock on a file, held by the file's own identity, not by its name.</summary>
/// <param name="path">Where it is.</param>
/// <param name="log">Takes what was read back, and what was damaged.</param>
internal sealed class JournalFolder(string path, LogWriter log) : IDisposable
{
    private readonly string _lockFile = System.IO.Path.Combine(path, "lock");
    private SafeFileHandle? _lock;
    private bool _isLost;

    /// <summary>Where it is.</summary>
    public string Path => path;

    /// <summary>Takes the folder, which is made when missing, for this process.</summary>
    /// <returns>False when another process has it.</returns>
    /// <exception cref="IOException">It cannot be used.</exception>
    /// <exception cref="UnauthorizedAccessException">It cannot be used.</exception>
    public bool TryTake()
    {
        Make();

        // Its owner has a file of the journal open as well: somebody may have deleted the lock.
        return JournalFile.List(path).All(file => IsFree(file.Path)) && TryLock();
    }

    /// <summary>Makes sure that this process has what is the folder now; takes it again when it has been deleted, moved or replaced.</summary>
    /// <exception cref="IOException">It cannot be taken, or another process has it.</exception>
    /// <exception cref="UnauthorizedAccessException">It cannot be taken.</exception>
    public void Keep()
    {
        if (!_isLost && (_lock is null || Disk.Find(_lockFile) is not { } status || !status.IsSame(Disk.Of(_lock))))
        {
            _lock?.Dispose();
            _lock = null;
            Make();
            _isLost = !TryLock();
        }

        if (_isLost)
        {
            // For good: what the other one keeps there is not known here, and what was kept after it would be lost.
            throw new IOException($"The folder {path} is not the one that this process had, and another process has it now. This one can only be started again.");
        }
    }

    /// <summary>Reads everything back, and cuts off what at the end is not whole.</summary>
    /// <param name="take">Takes up each frame.</param>
    /// <returns>The files, oldest first, and the number of the last frame.</returns>
    public (List<JournalFile> Files, long Last) ReadBack(TakeFrame take)
    {
        var started = Stopwatch.GetTimestamp();
        var files = JournalFile.List(path).ToList();
        var reader = new JournalReader(take);
        for (var i = 0; i < files.Count; i++)
        {
            // A file ends where the next one begins, if that holds what its name says.
            var end = files.Skip(i + 1).FirstOrDefault(JournalReader.HoldsItsFirst)?.First ?? long.MaxValue;
            ReadBack(reader, files[i], end, isLast: i == files.Count - 1);
        }

        if (reader.Frames > 0)
        {
            var size = files.Sum(file => file.FrameBytes) / 1048576.0;
            log.Info(string.Create(CultureInfo.InvariantCulture, $"read back {reader.Frames} events, {size:0.0} MiB, from {path} in {Stopwatch.GetElapsedTime(started).TotalMilliseconds:0} ms"));
        }

        return (files, Math.Max(reader.Last, files.Count > 0 ? files[^1].First - 1 : 0));
    }

    /// <inheritdoc/>
    public void Dispose() => _lock?.Dispose();

    private void ReadBack(JournalReader reader, JournalFile file, long end, bool isLast)
    {
        var bytes = File.ReadAllBytes(file.Path);
        foreach (var (offset, length) in reader.Read(file, bytes, end, isLast))
        {
            log.Warning($"{file.Path} is damaged: skipped {length} bytes at {offset}");
        }

        var rest = bytes.Length - file.Length;
        if (rest > 0)
        {
            // The last one is cut when it is opened.
            log.Warning(isLast ? $"{file.Path} does not end with a whole event: cut off {rest} bytes" : $"{file.Path} is damaged: skipped {rest} bytes at {file.Length}");
        }
    }

    private void Make()
    {
        if (!Directory.Exists(path))
        {
            Directory.CreateDirectory(path);
            Disk.SyncFolder(System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path))!);
        }
    }

    private bool TryLock()
    {
        try
        {
            // The operating system lets go of it when the process ends, however it ends.
            _lock = File.OpenHandle(_lockFile, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            return true;
        }
        catch (IOException) when (File.Exists(_lockFile) && !IsFree(_lockFile))
        {
            return false;
        }
    }

    private static bool IsFree(string file)
    {
        try
        {
            using var probe = File.OpenHandle(file, FileMode.Open, FileAccess.Read, FileShare.None);
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }
}
