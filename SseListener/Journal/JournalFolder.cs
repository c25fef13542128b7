using System.Diagnostics;

namespace SseListener.Journal;

/// <summary>The folder of a journal: one process at a time, and its files.</summary>
/// <param name="path">Where it is.</param>
/// <param name="log">Takes what was read back, and what was damaged.</param>
internal sealed class JournalFolder(string path, Log log) : IDisposable
{
    private FileStream? _lock;
    private bool _isLost;

    private string LockFile => System.IO.Path.Combine(path, "lock");

    /// <summary>Takes the folder, which is made when missing, for this process.</summary>
    /// <returns>False when another process has it.</returns>
    /// <exception cref="IOException">It cannot be used.</exception>
    /// <exception cref="UnauthorizedAccessException">It cannot be used.</exception>
    public bool TryLock()
    {
        Directory.CreateDirectory(path);
        try
        {
            // The operating system lets go of it when the process ends, however it ends.
            _lock = new FileStream(LockFile, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            return true;
        }
        catch (IOException) when (File.Exists(LockFile) && !IsFree(LockFile))
        {
            return false;
        }
    }

    /// <summary>Takes the folder again, when somebody has deleted what says that it is taken.</summary>
    public void Keep()
    {
        if (_lock is not null && !File.Exists(LockFile))
        {
            _lock.Dispose();
            _isLost = !TryLock();
        }
    }

    /// <summary>Makes sure that the folder is still this process's.</summary>
    /// <exception cref="IOException">Another process has taken it.</exception>
    public void Check()
    {
        if (_isLost)
        {
            throw new IOException($"The folder {path} has been deleted, and another process has it now.");
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
        foreach (var file in files)
        {
            ReadBack(reader, file, isLast: file == files[^1]);
        }

        if (reader.Frames > 0)
        {
            var size = files.Sum(file => file.FrameBytes) / 1048576.0;
            log.Info(string.Create(Units.Culture, $"read back {reader.Frames} events, {size:0.0} MiB, from {path} in {Stopwatch.GetElapsedTime(started).TotalMilliseconds:0} ms"));
        }

        return (files, Math.Max(reader.Last, files.Count > 0 ? files[^1].First - 1 : 0));
    }

    /// <inheritdoc/>
    public void Dispose() => _lock?.Dispose();

    private void ReadBack(JournalReader reader, JournalFile file, bool isLast)
    {
        var bytes = File.ReadAllBytes(file.Path);
        foreach (var (offset, length) in reader.Read(file, bytes, isLast))
        {
            log.Warning($"{file.Path} is damaged: skipped {length} bytes at {offset}");
        }

        var rest = bytes.Length - file.Length;
        if (rest > 0 && !isLast)
        {
            log.Warning($"{file.Path} is damaged: skipped {rest} bytes at {file.Length}");
        }
        else if (rest > 0)
        {
            log.Warning($"{file.Path} does not end with a whole event: cut off {rest} bytes");
            using var handle = File.OpenHandle(file.Path, FileMode.Open, FileAccess.Write);
            RandomAccess.SetLength(handle, file.Length);
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
