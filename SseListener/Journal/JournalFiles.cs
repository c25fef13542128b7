using SseListener.Events;
using SseListener.Log;

namespace SseListener.Journal;

/// <summary>
/// The files of a journal: one is appended to, and gives way to the next when it is full or long; those before it go when everything in
/// them is outside history. For one thread at a time, except what <see cref="TakeUnflushed"/> gives out.
/// </summary>
/// <param name="folder">Where they are; this process's.</param>
/// <param name="bytes">Bytes of frames to keep.</param>
/// <param name="age">How long to keep them, in milliseconds.</param>
/// <param name="sync">When a batch counts as kept.</param>
/// <param name="times">Told how long writing takes.</param>
/// <param name="log">Takes what other programs have done to them.</param>
internal sealed class JournalFiles(JournalFolder folder, long bytes, long age, JournalSync sync, JournalTimes times, LogWriter log) : IDisposable
{
    // What is on disk goes a file at a time, so this is how closely the limits of history are kept there.
    private const int FilesOfHistory = 8;
    private const long SmallestFile = 64 * 1024;
    private const long LargestFile = 8 * 1024 * 1024;

    // Milliseconds, however short the age: a file takes a descriptor until it is on the disk.
    private const long ShortestFile = 1000;

    private readonly Queue<JournalFile> _former = new();
    private readonly List<JournalOutput> _retired = [];
    private long _formerBytes;
    private JournalOutput? _output;

    /// <summary>The file that is appended to; once there is one.</summary>
    public JournalOutput Output => _output!;

    /// <summary>Goes on with the files that there are.</summary>
    /// <param name="files">The files, oldest first.</param>
    /// <param name="next">The number of the next frame.</param>
    /// <exception cref="Exception">It cannot be done: <see cref="JournalOutput.IsFailure"/>.</exception>
    public void Open(List<JournalFile> files, long next)
    {
        files.SkipLast(1).ToList().ForEach(AddFormer);
        _output = new JournalOutput(files.LastOrDefault() ?? JournalFile.Create(folder.Path, next), sync, times);
    }

    /// <summary>
    /// Makes sure that what is appended goes to where it will be read back: that the file is what its name means, is whole, and has room.
    /// </summary>
    /// <param name="next">The number of the next frame.</param>
    /// <param name="time">Now, as <see cref="SteadyClock"/> counts.</param>
    /// <exception cref="Exception">It cannot be done: <see cref="JournalOutput.IsFailure"/>.</exception>
    public void Prepare(long next, long time)
    {
        if (Output.FindChange() is { } change)
        {
            folder.Keep();
            var path = Output.File.Path;
            Retire(next);
            log.Warning($"{path} has been {change}: what was in it may not outlive the process, and another file is begun");
            return;
        }

        Output.Repair();
        var file = Output.File;
        var isFull = file.Length >= Math.Clamp(bytes / FilesOfHistory, SmallestFile, LargestFile);
        var isLong = file.FirstTime > 0 && time - file.FirstTime > Math.Max(ShortestFile, age / FilesOfHistory);
        if (isFull || isLong)
        {
            Retire(next);
        }
    }

    /// <summary>What may not be on the disk yet: files to dispose of once they are, and the one that is appended to.</summary>
    public (JournalOutput[] Retired, JournalOutput Current) TakeUnflushed()
    {
        JournalOutput[] retired = [.. _retired];
        _retired.Clear();
        return (retired, Output);
    }

    /// <summary>Deletes what is not needed any more.</summary>
    /// <param name="time">Now, as <see cref="SteadyClock"/> counts.</param>
    public void DeleteFormer(long time)
    {
        try
        {
            var count = _former.Count;
            while (_former.TryPeek(out var oldest) && (_formerBytes - oldest.FrameBytes + Output.File.FrameBytes >= bytes || oldest.LastTime < time - age))
            {
                File.Delete(oldest.Path);
                _formerBytes -= _former.Dequeue().FrameBytes;
            }

            if (_former.Count < count && sync is JournalSync.Always)
            {
                Disk.SyncFolder(folder.Path);
            }
        }
        catch (Exception e) when (JournalOutput.IsFailure(e))
        {
            log.Often(LogLevel.Warning, "not deleted", $"a file of the journal that is not needed any more cannot be deleted: {e.Message}");
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _output?.Dispose();

    // The old file is closed once it is on the disk, which may take long.
    private void Retire(long next)
    {
        var old = Output;
        _output = new JournalOutput(JournalFile.Create(folder.Path, next), sync, times);
        _retired.Add(old);
        if (old.File.FrameBytes > 0)
        {
            AddFormer(old.File);
        }
    }

    private void AddFormer(JournalFile file)
    {
        _former.Enqueue(file);
        _formerBytes += file.FrameBytes;
    }
}
