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
    public (List<JournalFile> Files, long Last) ReadFolder(string folder)
    {
        var started = Stopwatch.GetTimestamp();
        var files = JournalFile.List(folder).ToList();
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

        return (files, Math.Max(_last, files.Count > 0 ? files[^1].First - 1 : 0));
    }

    // Whether a file begins with a frame that its name announces.
    private static bool HoldsItsFirst(JournalFile file) =>
        JournalLine.TryParse(Encoding.UTF8.GetBytes(File.ReadLines(file.Path).FirstOrDefault("")), out var line)
        && line.Sequence >= file.First;

    // The first number that belongs to the next file is the end.
    private void ReadFile(JournalFile file, long end, bool isLast)
    {
        var bytes = File.ReadAllBytes(file.Path);
        var good = FindGood(bytes, end, isLast);
        foreach (var frame in good)
        {
            // The order is certain, the clock may have been wrong: no frame is older than the one before it, and none is of the future.
            _time = Math.Max(_time, Math.Min(frame.Line.Time, _now));
            restore(frame.Line.Sequence, frame.Line.Channels, _time, bytes.AsSpan(frame.FrameStart..frame.End));
            file.Count(frame.End - frame.FrameStart, _time);
            _last = frame.Line.Sequence;
            _frames++;
        }

        // What lies behind, in the last file, is cut off when that is opened.
        file.Length = good.Select(frame => frame.End).DefaultIfEmpty().Max();
        ReportDamage(file, good, bytes.Length, isLast);
    }

    // In the order of their numbers, each once: a disk may have written some bytes to a wrong place.
    private List<FoundFrame> FindGood(ReadOnlySpan<byte> bytes, long end, bool isLast)
    {
        var good = FindFrames(bytes)
            .Where(frame => frame.Line.Sequence > _last && frame.Line.Sequence < end)
            .DistinctBy(frame => frame.Line.Sequence)
            .OrderBy(frame => frame.Line.Sequence)
            .ToList();
        if (isLast && good.Count > 0 && good[^1].Line.Following > 0)
        {
            var unfinished = good[^1].LastOfPublish;
            good.RemoveAll(frame => frame.LastOfPublish == unfinished);
        }

        return good;
    }

    private static List<FoundFrame> FindFrames(ReadOnlySpan<byte> bytes)
    {
        List<FoundFrame> found = [];
        for (var offset = 0; offset < bytes.Length;)
        {
            var isWhole = TryRead(bytes, offset, out var frame);
            if (isWhole)
                found.Add(frame);

            offset = isWhole ? frame.End : NextLine(bytes, offset);
        }

        return found;
    }

    private static bool TryRead(ReadOnlySpan<byte> bytes, int offset, out FoundFrame frame)
    {
        var isWhole = JournalLine.TryReadFrame(bytes, offset, out var line, out var range);
        frame = new FoundFrame(line, offset, range.Start.Value, range.End.Value);
        return isWhole;
    }

    // If the line feed before it is damaged, it begins one byte later. No line of a frame looks like either.
    private static int NextLine(ReadOnlySpan<byte> bytes, int offset)
    {
        while (bytes[offset..].IndexOf((byte)'\n') is var end and >= 0)
        {
            offset += end + 1;
            var beginning = bytes[offset..Math.Min(offset + 1 + JournalLine.Start.Length, bytes.Length)];
            if (beginning.IndexOf(JournalLine.Start) is var start and >= 0)
                return offset + start;
        }

        return bytes.Length;
    }

    // What lies between good frames, and behind them, is damaged.
    private void ReportDamage(JournalFile file, List<FoundFrame> good, int length, bool isLast)
    {
        var start = 0;
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

    // A frame that is whole: its line, and where they are.
    private readonly record struct FoundFrame(JournalLine Line, int LineStart, int FrameStart, int End)
    {
        public long LastOfPublish => Line.Sequence + Line.Following;
    }
}
