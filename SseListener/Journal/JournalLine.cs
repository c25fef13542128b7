using System.Buffers.Text;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Text.Unicode;
using SseListener.Events;

namespace SseListener.Journal;

/// <summary>
/// The line before each frame in a journal, which is a comment for readers of event streams:
/// <c>: SEQUENCE CHANNEL TIME CRC FOLLOWING CRC</c>. The first checksum is of the frame, the second of the line up to it; both are
/// hexadecimal.
/// </summary>
/// <param name="Sequence">The frame's number among all frames of all channels.</param>
/// <param name="Channel">Its channel, whose name has no space.</param>
/// <param name="Time">When it was published, in Unix milliseconds.</param>
/// <param name="Crc">The checksum of its bytes.</param>
/// <param name="Following">How many of the frames behind it were published with it: all of them count, or none.</param>
internal readonly record struct JournalLine(long Sequence, string Channel, long Time, uint Crc, int Following)
{
    private const int LongestLine = 512;
    private const int HexDigits = 8;

    /// <summary>How every such line begins, and no line of a frame.</summary>
    public static ReadOnlySpan<byte> Start => ": "u8;

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
    public static void Write(IBufferWriter<byte> output, FrameBatch batch, BatchFrame frame, long time)
    {
        var bytes = batch.BytesOf(frame);
        var line = output.GetSpan(LongestLine);
        var (culture, crc) = (CultureInfo.InvariantCulture, Checksum(bytes));
        Utf8.TryWrite(line, culture, $": {frame.Sequence} {frame.Log.Name} {time} {crc:x8} {frame.Following} ", out var length);
        Utf8.TryWrite(line[length..], culture, $"{Checksum(line[..length]):x8}\n", out var added);
        output.Advance(length + added);
        output.Write(bytes);
    }

    /// <summary>Reads a line, without its line feed; false when it is none, or damaged.</summary>
    public static bool TryParse(ReadOnlySpan<byte> line, out JournalLine parsed)
    {
        parsed = default;
        var end = line.Length - HexDigits;
        if (end < 0 || !line.StartsWith(Start) || !TryParseHex(line[end..], out var check) || check != Checksum(line[..end]))
            return false;

        var fields = line[Start.Length..end];
        var isLine = Utf8Parser.TryParse(ReadField(ref fields), out long sequence, out _);
        var channel = Encoding.UTF8.GetString(ReadField(ref fields));
        isLine &= Utf8Parser.TryParse(ReadField(ref fields), out long time, out _);
        isLine &= TryParseHex(ReadField(ref fields), out var crc);
        isLine &= Utf8Parser.TryParse(ReadField(ref fields), out int following, out _);
        parsed = new JournalLine(sequence, channel, time, crc, following);
        return isLine;
    }

    // Up to the next space: every field has one behind it.
    private static ReadOnlySpan<byte> ReadField(scoped ref ReadOnlySpan<byte> fields)
    {
        var end = Math.Max(0, fields.IndexOf((byte)' '));
        var field = fields[..end];
        fields = fields[Math.Min(fields.Length, end + 1)..];
        return field;
    }

    private static bool TryParseHex(ReadOnlySpan<byte> text, out uint number) =>
        Utf8Parser.TryParse(text, out number, out var length, 'x') && length == HexDigits;
}
