using SseListener.Events;
using SseListener.Log;

namespace SseListener.Journal;

/// <summary>
/// Writes closed files of a journal again without what history has dropped. Of each channel the last dropped frame leaves its line: by it a
/// restart knows what is missing. The process may die at any moment: a file is either the old one or the cleaned one.
/// </summary>
internal sealed class JournalCleaner(JournalOptions options, JournalFiles files, Lock filesLock, Action<HubWork> enqueue, LogWriter log)
{
    private const string Unfinished = ".new";
    private static readonly TimeSpan _pause = TimeSpan.FromSeconds(10);
    private long _failed = long.MinValue / 2; // When, in milliseconds of the system's ticks.

    /// <summary>Deletes what a process has left that died while it wrote.</summary>
    public static void DeleteUnfinished(string folder)
    {
        foreach (var file in Directory.EnumerateFiles(folder, JournalFile.Prefix + "*" + JournalFile.Suffix + Unfinished))
            File.Delete(file);
    }

    /// <summary>Cleans all files that are to be cleaned. One call at a time. Behind a failure it pauses for ten seconds.</summary>
    public async Task CleanAsync(CancellationToken stopping)
    {
        // Where there is little room, a file by itself may still find it.
        var merges = true;
        while (Environment.TickCount64 - _failed > _pause.TotalMilliseconds && FindDirty(merges, out var end) is { Count: > 0 } old)
        {
            try
            {
                await CleanAsync(old, end, stopping);
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e) when (Disk.IsFailure(e))
            {
                log.Often(LogLevel.Warning, "not cleaned", $"the journal cannot be written again without what is dropped: {e.Message}");
                if (RemoveDeleted())
                    continue;

                if (!merges)
                    _failed = old[0].FailedAt = Environment.TickCount64;

                merges = false;
            }
        }
    }

    private IReadOnlyList<JournalFile> FindDirty(bool merges, out long end)
    {
        lock (filesLock)
        {
            (var old, end) = files.FindDirty(SteadyClock.Now, merges);
            return old;
        }
    }

    private bool RemoveDeleted()
    {
        var count = 0;
        lock (filesLock)
            _ = Disk.Attempt(() => count = files.RemoveDeleted());

        return count > 0;
    }

    private async Task CleanAsync(IReadOnlyList<JournalFile> old, long end, CancellationToken stopping)
    {
        var droppedBefore = old.Sum(file => file.DroppedBytes);
        var parts = old.Select((file, index) => new Part(file, index + 1 < old.Count ? old[index + 1].First : end)).ToList();
        var channels = parts.SelectMany(part => part.Frames).SelectMany(frame => ChannelSet.Split(frame.Line.Channels));
        var names = channels.ToHashSet(StringComparer.Ordinal);
        var find = new Question<DroppedFrames>(store => store.FindDropped(names));
        enqueue(find);
        var dropped = (await find.Answer.Task.WaitAsync(stopping))!;
        var (cleaned, bytes) = Encode(parts, dropped);
        var unfinished = cleaned.Path + Unfinished;
        try
        {
            Write(unfinished, bytes.Span);
            lock (filesLock)
            {
                stopping.ThrowIfCancellationRequested();

                // What was dropped meanwhile may be counted although it is not there any more.
                cleaned.DroppedBytes = Math.Min(old.Sum(file => file.DroppedBytes) - droppedBefore, cleaned.FrameBytes);
                files.Replace(old, cleaned, unfinished);
            }
        }
        finally
        {
            // On a disk that is full publishers need the room.
            File.Delete(unfinished);
        }

        if (log.Writes(LogLevel.Debug))
            log.Debug($"cleaned {cleaned.Path}: {old.Sum(file => file.Length)} bytes of {old.Count} files are {cleaned.Length} now");
    }

    private static void Write(string path, ReadOnlySpan<byte> bytes)
    {
        using var output = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
        output.Write(bytes);
        Disk.Sync(output.SafeFileHandle);
    }

    private (JournalFile File, ReadOnlyMemory<byte> Bytes) Encode(List<Part> parts, DroppedFrames dropped)
    {
        var cleaned = JournalFile.Named(options.Folder, parts[0].First);
        var output = new ArrayBufferWriter<byte>();
        JournalLine.WriteMark(output);
        foreach (var part in parts)
        {
            foreach (var frame in part.Frames)
            {
                var line = frame.Line;
                if (!frame.IsDropped && (dropped.Keeps(line.Channels, line.Sequence) || Forgets(part, frame)))
                {
                    output.Write(part.Bytes.AsSpan(frame.LineStart..frame.End));
                    cleaned.Count(frame.End - frame.FrameStart, part.LastTime);
                }
                else if (dropped.IsLastDropped(line.Channels, line.Sequence))
                {
                    JournalLine.WriteDropped(output, line);
                }
            }
        }

        (cleaned.Length, cleaned.CleanedAt) = (output.WrittenCount, SteadyClock.Now);
        return (cleaned, output.WrittenMemory);
    }

    // That a channel was forgotten has to stay for as long as an older file may have events of it.
    private bool Forgets(Part part, FoundFrame frame) =>
        SseFrame.ChangeOf(SseFrame.IdOf(part.Bytes.AsSpan(frame.FrameStart..frame.End))) is ChannelChange.Forget
        && part.LastTime > SteadyClock.Now - (long)options.Age.TotalMilliseconds;

    /// <summary>What is in a file, up to the number with which the next one begins.</summary>
    private sealed class Part(JournalFile file, long end)
    {
        public long First => file.First;

        // Not of its lines, which have the machine's time, and that may have been wrong.
        public long LastTime => file.LastTime;
        public byte[] Bytes { get; } = File.ReadAllBytes(file.Path);
        public List<FoundFrame> Frames => field ??= FoundFrame.FindAll(Bytes, file.First - 1, end);
    }
}
