using System.Text;

namespace SseListener.Journal;

/// <summary>
/// Reads journal files, oldest first. What is damaged is passed over, up to the next frame that is whole; at the very end also the
/// first frames of a publish whose last ones did not get there.
/// </summary>
/// <param name="take">Takes up each good frame.</param>
internal sealed class JournalReader(TakeFrame take)
{
    // Where the frames are of a publish whose last frame has not been seen yet.
    private readonly List<int> _held = [];
    private readonly List<(int Offset, int Length)> _damages = [];
    private string _channel = "";

    /// <summary>The number of the last good frame.</summary>
    public long Last { get; private set; }

    /// <summary>How many good frames there were.</summary>
    public int Frames { get; private set; }

    /// <summary>Reads a file.</summary>
    /// <param name="file">Told what is in it.</param>
    /// <param name="bytes">Its bytes.</param>
    /// <param name="isLast">Whether it is the one that was written last.</param>
    /// <returns>Which stretches before the last good frame are damaged.</returns>
    public IReadOnlyList<(int Offset, int Length)> Read(JournalFile file, ReadOnlySpan<byte> bytes, bool isLast)
    {
        _damages.Clear();
        var last = Last;
        var good = 0;
        for (var position = 0; position < bytes.Length;)
        {
            if (!TryRead(bytes[position..], out var line, out var frame) || line.Sequence <= last)
            {
                position = NextLine(bytes, position);
                continue;
            }

            if (position > good)
            {
                // What is missing was kept once, so what is left of its publish counts.
                Release(file, bytes);
                _damages.Add((good, position - good));
            }

            last = line.Sequence;
            _held.Add(position);
            good = position += frame.End.Value;
            if (line.Following == 0)
            {
                Release(file, bytes);
            }
        }

        if (isLast && _held.Count > 0)
        {
            good = _held[0];
            _held.Clear();
        }

        Release(file, bytes);
        file.Length = good;
        return _damages;
    }

    private void Release(JournalFile file, ReadOnlySpan<byte> bytes)
    {
        foreach (var position in _held)
        {
            TryRead(bytes[position..], out var line, out var range);
            var frame = bytes[position..][range];
            take(line.Sequence, Name(line.Channel), line.Time, frame);
            file.Count(frame.Length, line.Time);
            Last = line.Sequence;
            Frames++;
        }

        _held.Clear();
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
}
