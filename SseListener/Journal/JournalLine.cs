using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.Text.Unicode;
using SseListener.Events;

namespace SseListener.Journal;

/// <summary>
/// The line before each frame in a journal, a comment to whoever reads the file as an event stream:
/// <c>: SEQUENCE CHANNEL TIME CRC FOLLOWING CRC</c>. The first checksum is of the frame, the second of the line up to it; both are
/// CRC-32C, in hexadecimal.
/// </summary>
internal readonly ref struct JournalLine
{
    /// <summary>Most bytes that one has.</summary>
    public const int Longest = 512;

    private const int HexDigits = 8;

    private JournalLine(long sequence, ReadOnlySpan<byte> channel, long time, uint crc, int following)
    {
        Sequence = sequence;
        Channel = channel;
        Time = time;
        Crc = crc;
        Following = following;
    }

    /// <summary>How every such line begins, and no line of a frame.</summary>
    public static ReadOnlySpan<byte> Start => ": "u8;

    /// <summary>The frame's number among all frames of all channels.</summary>
    public long Sequence { get; }

    /// <summary>Its channel, whose name has no space.</summary>
    public ReadOnlySpan<byte> Channel { get; }

    /// <summary>When it was published, in Unix milliseconds.</summary>
    public long Time { get; }

    /// <summary>The checksum of its bytes.</summary>
    public uint Crc { get; }

    /// <summary>How many of the frames behind it were published with it: all of them count, or none.</summary>
    public int Following { get; }

    /// <summary>Writes the line of a frame, and the frame.</summary>
    public static void Write(IBufferWriter<byte> output, FrameBatch batch, BatchFrame frame, long time)
    {
        var bytes = batch.BytesOf(frame);
        var line = output.GetSpan(Longest);
        Utf8.TryWrite(line, CultureInfo.InvariantCulture, $": {frame.Sequence} {frame.Log.Name} {time} {Crc32C.Of(bytes):x8} {frame.Following} ", out var length);
        Utf8.TryWrite(line[length..], CultureInfo.InvariantCulture, $"{Crc32C.Of(line[..length]):x8}\n", out var rest);
        output.Advance(length + rest);
        output.Write(bytes);
    }

    /// <summary>Reads a line, without its line feed; false when it is none, or damaged.</summary>
    public static bool TryParse(ReadOnlySpan<byte> line, out JournalLine parsed)
    {
        parsed = default;
        var end = line.Length - HexDigits;
        if (end < 0 || !line.StartsWith(Start) || !TryParseHex(line[end..], out var check) || check != Crc32C.Of(line[..end]))
        {
            return false;
        }

        var fields = line[Start.Length..end];
        var isLine = Utf8Parser.TryParse(Take(ref fields), out long sequence, out _);
        var channel = Take(ref fields);
        isLine &= Utf8Parser.TryParse(Take(ref fields), out long time, out _);
        isLine &= TryParseHex(Take(ref fields), out var crc);
        isLine &= Utf8Parser.TryParse(Take(ref fields), out int following, out _);
        parsed = new JournalLine(sequence, channel, time, crc, following);
        return isLine;
    }

    // Up to the next space, which every field has behind it.
    private static ReadOnlySpan<byte> Take(scoped ref ReadOnlySpan<byte> fields)
    {
        var end = Math.Max(0, fields.IndexOf((byte)' '));
        var field = fields[..end];
        fields = fields[Math.Min(fields.Length, end + 1)..];
        return field;
    }

    private static bool TryParseHex(ReadOnlySpan<byte> text, out uint number) =>
        Utf8Parser.TryParse(text, out number, out var length, 'x') && length == HexDigits;
}
