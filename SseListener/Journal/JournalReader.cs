using SseListener.Events;
using SseListener.Log;

namespace SseListener.Journal;

/// <summary>
/// Reads a journal back. What is damaged is skipped, up to the next frame that is whole; at the very end also the first frames of a
/// publish whose last ones are missing.
/// </summary>
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
            var size = files.Sum(file => file.FrameBytes) / 1048576.0;
            var time = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
            var culture = CultureInfo.InvariantCulture;
            log.Info(string.Create(culture, $"read back {_frames} events, {size:0.0} MiB, from {folder} in {time:0} ms"));
        }

        return (files, Math.Max(_last, files.Count > 0 ? files[^1].First - 1 : 0));
    }

    // Whether a file begins with a frame that its name announces.
    private static bool HoldsItsFirst(JournalFile file)
    {
        var first = File.ReadLines(file.Path).FirstOrDefault("");
        return JournalLine.TryParse(Encoding.UTF8.GetBytes(first), out var line) && line.Sequence >= file.First;
    }

    // The first number that belongs to the next file is the end.
    private void ReadFile(JournalFile file, long end, bool isLast)
    {
        var bytes = File.ReadAllBytes(file.Path);
        var good = FindGood(bytes, end, isLast);
        foreach (var frame in good)
        {
            // The order is certain, the clock may have been wrong: no frame is older than the one before it, and none is of the future.
            _time = Math.Max(_time, Math.Min(frame.Line.Time, _now));
            restore(frame.Line.Sequence, frame.Line.Channel, _time, bytes.AsSpan(frame.Start..frame.End));
            file.Count(frame.End - frame.Start, _time);
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

    // All frames that are whole, wherever they are.
    private static List<FoundFrame> FindFrames(ReadOnlySpan<byte> bytes)
    {
        List<FoundFrame> found = [];
        for (var offset = 0; offset < bytes.Length;)
        {
            if (TryRead(bytes, offset, out var frame))
            {
                found.Add(frame);
                offset = frame.End;
            }
            else
            {
                offset = NextLine(bytes, offset);
            }
        }

        return found;
    }

    // A line, and the frame behind it, which ends with the first blank line.
    private static bool TryRead(ReadOnlySpan<byte> bytes, int offset, out FoundFrame frame)
    {
        frame = default;
        var start = offset + bytes[offset..].IndexOf((byte)'\n') + 1;
        if (start == offset || !JournalLine.TryParse(bytes[offset..(start - 1)], out var line))
            return false;

        var length = bytes[start..].IndexOf("\n\n"u8) + 2;
        frame = new FoundFrame(line, offset, start, start + length);
        return length >= 2 && JournalLine.Checksum(bytes.Slice(start, length)) == line.Crc;
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

    // What lies between good frames is damaged.
    private void ReportDamage(JournalFile file, List<FoundFrame> good, int length, bool isLast)
    {
        var end = 0;
        foreach (var frame in good.OrderBy(frame => frame.Offset))
        {
            ReportSkipped(file, end, frame.Offset);
            end = frame.End;
        }

        if (!isLast)
            ReportSkipped(file, end, length);
        else if (length > end)
            log.Warning($"{file.Path} does not end with a whole event: cut off {length - end} bytes");
    }

    private void ReportSkipped(JournalFile file, int start, int end)
    {
        if (end > start)
            log.Warning($"{file.Path} is damaged: skipped {end - start} bytes at {start}");
    }

    // A frame that is whole: its line, and where they are.
    private readonly record struct FoundFrame(JournalLine Line, int Offset, int Start, int End)
    {
        public long LastOfPublish => Line.Sequence + Line.Following;
    }
}
