using SseListener.Events;
using SseListener.Log;

namespace SseListener.Journal;

/// <summary>Reads a journal back, without what is damaged, and without the beginning of a last publish whose end is missing.</summary>
internal sealed class JournalReader(RestoreFrame restore, LogWriter log)
{
    private readonly long _now = SteadyClock.Now;
    private long _last;
    private long _time;
    private int _frames;

    /// <summary>Reads all files of a folder, oldest first, and finds the number of the last frame.</summary>
    public long Read(string folder, IReadOnlyList<JournalFile> files)
    {
        var started = Stopwatch.GetTimestamp();
        for (var i = 0; i < files.Count; i++)
        {
            // A file ends where the next one begins, if that holds what its name says.
            var end = files.Skip(i + 1).FirstOrDefault(HoldsItsFirst)?.First ?? long.MaxValue;
            ReadFile(files[i], end, isLast: i == files.Count - 1);
        }

        if (_frames > 0)
        {
            var (size, time) = (files.Sum(file => file.FrameBytes) / 1048576.0, Stopwatch.GetElapsedTime(started).TotalMilliseconds);
            log.Info(FormattableString.Invariant($"read back {_frames} events, {size:0.0} MiB, from {folder} in {time:0} ms"));
        }

        return Math.Max(_last, files.Count > 0 ? files[^1].First - 1 : 0);
    }

    // Whether a file begins with a frame that its name announces.
    private static bool HoldsItsFirst(JournalFile file)
    {
        var first = Encoding.UTF8.GetBytes(File.ReadLines(file.Path).FirstOrDefault(""));
        return JournalLine.IsMark(first) || (JournalLine.TryParse(first, out var line) && line.Sequence >= file.First);
    }

    // The first number that belongs to the next file is the end.
    private void ReadFile(JournalFile file, long end, bool isLast)
    {
        var bytes = File.ReadAllBytes(file.Path);
        var good = FindGood(bytes, end, isLast);
        var markLength = JournalLine.LengthOfMark(bytes);
        if (markLength > 0)
            restore(file.First, "", _time, []);

        foreach (var frame in good)
        {
            // The order is certain, the clock may have been wrong: no frame is older than the one before it, and none is of the future.
            _time = Math.Max(_time, Math.Min(frame.Line.Time, _now));
            _last = frame.Line.Sequence;
            if (frame.IsDropped)
            {
                restore(frame.Line.Sequence, frame.Line.Channels, _time, []);
                continue;
            }

            file.Count(frame.End - frame.FrameStart, _time);
            restore(frame.Line.Sequence, frame.Line.Channels, _time, bytes.AsSpan(frame.FrameStart..frame.End));
            _frames++;
        }

        // What lies behind, in the last file, is cut off when that is opened.
        file.Length = good.Select(frame => frame.End).Append(markLength).Max();

        // A cleaned file may have what files behind it still had when the process died.
        var whole = markLength > 0 ? FoundFrame.FindAll(bytes, long.MinValue, long.MaxValue) : good;
        ReportDamage(file, whole, markLength, bytes.Length, isLast);
    }

    // Without the beginning of a last publish whose end is missing.
    private List<FoundFrame> FindGood(ReadOnlySpan<byte> bytes, long end, bool isLast)
    {
        var good = FoundFrame.FindAll(bytes, _last, end);
        if (isLast && good.Count > 0 && good[^1].Line.Following > 0)
        {
            var unfinished = good[^1].LastOfPublish;
            good.RemoveAll(frame => frame.LastOfPublish == unfinished);
        }

        return good;
    }

    // What lies between good frames, and behind them, is damaged.
    private void ReportDamage(JournalFile file, List<FoundFrame> good, int start, int length, bool isLast)
    {
        foreach (var next in good.OrderBy(frame => frame.LineStart).Append(new FoundFrame(default, length, length, length)))
        {
            var count = next.LineStart - start;
            if (count > 0 && isLast && next.LineStart == length)
                log.Warning($"{file.Path} does not end with a whole event: cut off {count} bytes");
            else if (count > 0)
                log.Warning($"{file.Path} is damaged: skipped {count} bytes at {start}");

            start = next.End;
        }
    }
}
