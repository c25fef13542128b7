using System.Text;
using SseListener.Events;

namespace SseListener.Journal;

/// <summary>
/// Reads journal files, oldest first. What is damaged is passed over, up to the next frame that is whole; at the very end also the
/// first frames of a publish whose last ones did not get there.
/// </summary>
/// <param name="take">Takes up each good frame.</param>
internal sealed class JournalReader(TakeFrame take)
{
    private readonly long _now = SteadyClock.Now;
    private readonly List<Found> _found = [];
    private string _channel = "";
    private long _time;

    /// <summary>The number of the last good frame.</summary>
    public long Last { get; private set; }

    /// <summary>How many good frames there were.</summary>
    public int Frames { get; private set; }

    /// <summary>Whether a file begins with a frame that its name announces.</summary>
    public static bool HoldsItsFirst(JournalFile file)
    {
        Span<byte> start = stackalloc byte[JournalLine.Longest];
        using var handle = File.OpenHandle(file.Path);
        start = start[..RandomAccess.Read(handle, start, 0)];
        var end = start.IndexOf((byte)'\n');
        return end >= 0 && JournalLine.TryParse(start[..end], out var line) && line.Sequence >= file.First;
    }

    /// <summary>Reads a file.</summary>
    /// <param name="file">Told what is in it.</param>
    /// <param name="bytes">Its bytes.</param>
    /// <param name="end">The first number that belongs to the next file.</param>
    /// <param name="isLast">Whether it is the one that was written last.</param>
    /// <returns>Which stretches before the last good frame are damaged.</returns>
    public IReadOnlyList<(int Offset, int Length)> Read(JournalFile file, ReadOnlySpan<byte> bytes, long end, bool isLast)
    {
        Find(bytes);

        // In the order of their numbers, each once: a disk may have written some bytes to a wrong place.
        var last = Last;
        var good = _found.Where(frame => frame.Sequence > last && frame.Sequence < end).DistinctBy(frame => frame.Sequence).OrderBy(frame => frame.Sequence).ToList();
        if (isLast && good.Count > 0 && good[^1].Following > 0)
        {
            var unfinished = good[^1].LastOfPublish;
            good.RemoveAll(frame => frame.LastOfPublish == unfinished);
        }

        foreach (var frame in good)
        {
            Take(file, frame, bytes);
        }

        return Measure(file, good);
    }

    // All that is whole, wherever it is.
    private void Find(ReadOnlySpan<byte> bytes)
    {
        _found.Clear();
        for (var position = 0; position < bytes.Length;)
        {
            if (TryRead(bytes[position..], out var line, out var frame))
            {
                _found.Add(new Found(line.Sequence, line.Following, position, position + frame.Start.Value, position + frame.End.Value));
                position += frame.End.Value;
            }
            else
            {
                position = NextLine(bytes, position);
            }
        }
    }

    private void Take(JournalFile file, Found found, ReadOnlySpan<byte> bytes)
    {
        _ = JournalLine.TryParse(bytes[found.Position..(found.Start - 1)], out var line);

        // The order is certain, the clock may have been wrong: no frame is older than the one before it, and none is of the future.
        _time = Math.Max(_time, Math.Min(line.Time, _now));
        var frame = bytes[found.Start..found.End];
        take(found.Sequence, Name(line.Channel), _time, frame);
        file.Count(frame.Length, _time);
        Last = found.Sequence;
        Frames++;
    }

    // What lies between good frames is damaged.
    private static List<(int Offset, int Length)> Measure(JournalFile file, List<Found> good)
    {
        List<(int Offset, int Length)> damages = [];
        var end = 0;
        foreach (var frame in good.OrderBy(frame => frame.Position))
        {
            if (frame.Position > end)
            {
                damages.Add((end, frame.Position - end));
            }

            end = frame.End;
        }

        file.Length = end;
        return damages;
    }

    // Most frames have the channel of the frame before.
    private string Name(ReadOnlySpan<byte> channel)
    {
        if (!Ascii.Equals(channel, _channel))
        {
            _channel = Encoding.UTF8.GetString(channel);
        }

        return _channel;
    }

    // A line, and the frame behind it, which ends with the first blank line.
    private static bool TryRead(ReadOnlySpan<byte> bytes, out JournalLine line, out Range frame)
    {
        frame = default;
        var start = bytes.IndexOf((byte)'\n') + 1;
        if (start == 0 || !JournalLine.TryParse(bytes[..(start - 1)], out line))
        {
            line = default;
            return false;
        }

        var length = bytes[start..].IndexOf("\n\n"u8) + 2;
        frame = start..(start + length);
        return length >= 2 && Crc32C.Of(bytes[frame]) == line.Crc;
    }

    // It may be the line feed before it that is damaged: then it begins one byte later. No line of a frame looks like either.
    private static int NextLine(ReadOnlySpan<byte> bytes, int position)
    {
        while (bytes[position..].IndexOf((byte)'\n') is var end and >= 0)
        {
            position += end + 1;
            if (bytes[position..].StartsWith(JournalLine.Start))
            {
                return position;
            }

            if (position < bytes.Length && bytes[(position + 1)..].StartsWith(JournalLine.Start))
            {
                return position + 1;
            }
        }

        return bytes.Length;
    }

    // A frame that is whole: where its line and itself are.
    private readonly record struct Found(long Sequence, int Following, int Position, int Start, int End)
    {
        public long LastOfPublish => Sequence + Following;
    }
}
