namespace SseListener.Journal;

/// <summary>The files that are no longer appended to, until everything in them is outside history.</summary>
/// <param name="bytes">Bytes of frames to keep.</param>
/// <param name="age">How long to keep them, in milliseconds.</param>
internal sealed class FormerFiles(long bytes, long age)
{
    private readonly Queue<JournalFile> _files = new();
    private long _frameBytes;

    /// <summary>Takes in the next file.</summary>
    public void Add(JournalFile file)
    {
        _files.Enqueue(file);
        _frameBytes += file.FrameBytes;
    }

    /// <summary>Deletes those that are not needed any more.</summary>
    /// <param name="current">The file that is appended to.</param>
    /// <param name="time">Now, in Unix milliseconds.</param>
    /// <exception cref="IOException">One cannot be deleted.</exception>
    /// <exception cref="UnauthorizedAccessException">One cannot be deleted.</exception>
    public void Delete(JournalFile current, long time)
    {
        while (_files.TryPeek(out var oldest) && (_frameBytes - oldest.FrameBytes + current.FrameBytes >= bytes || oldest.LastTime < time - age))
        {
            File.Delete(oldest.Path);
            _files.Dequeue();
            _frameBytes -= oldest.FrameBytes;
        }
    }
}
