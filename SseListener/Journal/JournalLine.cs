using System.Numerics;
using System.Runtime.InteropServices;
using System.Text.Unicode;
using SseListener.Events;

namespace SseListener.Journal;

/// <summary>
/// The line before each frame in a journal, a comment for readers of event streams: <c>: SEQUENCE CHANNEL TIME CRC FOLLOWING CRC</c>. The
/// channel may be several, with commas. TIME is in Unix milliseconds. The first CRC is of the frame, the second of the line up to it; both
/// are hexadecimal. FOLLOWING says how many frames behind it were published with it: all of them count, or none. Where there are rules of
/// what is kept, a file is written again without what is dropped. It begins with a mark then, and the last dropped frame of a channel
/// leaves its line, with nothing behind it.
/// </summary>
internal readonly record struct JournalLine(long Sequence, string Channels, long Time, uint Crc, int Following)
{
    private const int LongestUsual = 512; // Of one channel.
    private const int LongestLine = LongestUsual + (ChannelSet.Most * (ChannelNames.MaxLength + 1));
    private const int HexDigits = 8;
    private const int Fields = 7; // The colon is one.

    // In place of a frame that has been dropped: an event of nothing. No frame is that short.
    private static ReadOnlySpan<byte> Nothing => "\n"u8;

    /// <summary>How every such line begins, and no line of a frame.</summary>
    public static ReadOnlySpan<byte> Start => ": "u8;

    private static ReadOnlySpan<byte> Mark => ": without what is dropped\n\n"u8;

    /// <summary>CRC-32C (RFC 3720, appendix B.4): shows whether a disk or a crash has changed bytes.</summary>
    public static uint Checksum(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        var words = MemoryMarshal.Cast<byte, ulong>(bytes);
        foreach (var word in words)
            crc = BitOperations.Crc32C(crc, word);

        foreach (var single in bytes[(words.Length * sizeof(ulong))..])
            crc = BitOperations.Crc32C(crc, single);

        return ~crc;
    }

    /// <summary>Writes the line of a frame, and the frame.</summary>
    public static void Write(
        IBufferWriter<byte> output, long sequence, string channels, long time, int following, ReadOnlySpan<byte> frame)
    {
        var line = output.GetSpan(LongestUsual + channels.Length);
        var (culture, crc) = (CultureInfo.InvariantCulture, Checksum(frame));
        Utf8.TryWrite(line, culture, $": {sequence} {channels} {time} {crc:x8} {following} ", out var length);
        Utf8.TryWrite(line[length..], culture, $"{Checksum(line[..length]):x8}\n", out var added);
        output.Advance(length + added);
        output.Write(frame);
    }

    /// <summary>Writes how a file begins from which what is dropped has been removed.</summary>
    public static void WriteMark(IBufferWriter<byte> output) => output.Write(Mark);

    /// <summary>Whether a line, without its line feed, is such a beginning.</summary>
    public static bool IsMark(ReadOnlySpan<byte> line) => line.SequenceEqual(Mark[..^2]);

    /// <summary>The length of such a beginning of a file; 0 when there is none.</summary>
    public static int LengthOfMark(ReadOnlySpan<byte> file) => file.StartsWith(Mark) ? Mark.Length : 0;

    /// <summary>Writes the line of a frame that has been dropped.</summary>
    public static void WriteDropped(IBufferWriter<byte> output, JournalLine line) =>
        Write(output, line.Sequence, line.Channels, line.Time, following: 0, Nothing);

    /// <summary>Reads a line, without its line feed; false when it is none, or damaged.</summary>
    public static bool TryParse(ReadOnlySpan<byte> line, out JournalLine parsed)
    {
        parsed = default;
        var text = line.Length > LongestUsual ? new char[line.Length] : stackalloc char[LongestUsual];
        Span<Range> fields = stackalloc Range[Fields + 1];
        if (line.Length is < HexDigits or > LongestLine || !Encoding.UTF8.TryGetChars(line, text, out var length)
            || text[..length].Split(fields, ' ') != Fields || text[fields[0]] is not ":"
            || !TryParseHex(text[fields[6]], out var lineCrc) || lineCrc != Checksum(line[..^HexDigits]))
        {
            return false;
        }

        var isLine = long.TryParse(text[fields[1]], CultureInfo.InvariantCulture, out var sequence)
            & long.TryParse(text[fields[3]], CultureInfo.InvariantCulture, out var time)
            & TryParseHex(text[fields[4]], out var crc)
            & int.TryParse(text[fields[5]], CultureInfo.InvariantCulture, out var following);
        parsed = new JournalLine(sequence, text[fields[2]].ToString(), time, crc, following);
        return isLine;
    }

    /// <summary>
    /// Reads the line at an offset, and finds the frame behind it, up to the first blank line; false when damaged. Of one that has been
    /// dropped only the line is left.
    /// </summary>
    public static bool TryRead(ReadOnlySpan<byte> bytes, int offset, out JournalLine line, out Range frame, out bool isDropped)
    {
        var start = offset + bytes[offset..].IndexOf((byte)'\n') + 1;
        (line, frame, isDropped) = (default, default, false);
        if (start == offset || !TryParse(bytes[offset..(start - 1)], out line))
            return false;

        isDropped = bytes[start..].StartsWith(Nothing);
        var end = bytes[start..].IndexOf("\n\n"u8) + 2;
        frame = start..(start + (isDropped ? Nothing.Length : end));
        return (isDropped || end >= 2) && Checksum(bytes[frame]) == line.Crc;
    }

    private static bool TryParseHex(ReadOnlySpan<char> text, out uint number) =>
        uint.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out number) && text.Length == HexDigits;
}
