using System.Buffers;
using System.Text;
using System.Text.Json;
using SseListener.Log;

namespace SseListener.Events;

/// <summary>
/// Copies frames with their data put into an envelope that names the channel: <c>data: {"channel":"orders","data":…}</c>. Data that are
/// JSON on one line, as everything is that was published as JSON, stand there as they are; other data as a JSON string.
/// </summary>
internal sealed class EnvelopeCopy : FrameCopy
{
    // Most that is escaped at a time, which may make it six times as long.
    private const int EscapedPiece = 4096;

    private static readonly JsonReaderOptions _options = new() { MaxDepth = EventJson.MaxDepth };

    private int _dataStart;
    private int _dataEnd;
    private bool _isJson;

    private static ReadOnlySpan<byte> Field => "data: "u8;

    protected override void Prepare(ReadOnlySpan<byte> frame)
    {
        var start = frame.StartsWith(Field) ? 0 : frame.IndexOf((byte)'\n') + 1;
        var end = start;
        while (frame[end..].StartsWith(Field))
        {
            end += frame[end..].IndexOf((byte)'\n') + 1;
        }

        _dataStart = start + Field.Length;
        _dataEnd = end - 1;

        // Of several lines it is none: no JSON has the name of a field between two of its lines.
        _isJson = IsJson(frame[_dataStart.._dataEnd]);
    }

    protected override void Write(ReadOnlySpan<byte> frame, IBufferWriter<byte> output, int limit)
    {
        if (Position == 0)
        {
            CopyTo(_dataStart, frame, output, _dataStart);
            output.Write(Encoding.ASCII.GetBytes($$"""{"channel":"{{Frame.Segment.Log.Name}}","data":{{(_isJson ? "" : "\"")}}"""));
        }
        else if (Position >= _dataEnd)
        {
            CopyTo(frame.Length, frame, output, limit);
            return;
        }

        WriteData(frame, output, limit);
        if (Position == _dataEnd)
        {
            output.Write(_isJson ? "}"u8 : "\"}"u8);
        }
    }

    private void WriteData(ReadOnlySpan<byte> frame, IBufferWriter<byte> output, int limit)
    {
        if (_isJson)
        {
            CopyTo(_dataEnd, frame, output, limit);
            return;
        }

        var piece = frame[Position..Math.Min(_dataEnd, Position + Math.Min(limit, EscapedPiece))];
        var end = piece.IndexOf((byte)'\n');
        JsonText.WriteEscaped(output, end < 0 ? piece : piece[..end]);
        Position += end < 0 ? piece.Length : end;
        if (end >= 0)
        {
            // The next line of the same data.
            output.Write("\\n"u8);
            Position += 1 + Field.Length;
        }
    }

    private static bool IsJson(ReadOnlySpan<byte> data)
    {
        // Most text is told from JSON by its first character, and a reader's exception costs 20 us.
        if (data.IsEmpty || !"{[\"-0123456789tfn \t"u8.Contains(data[0]))
        {
            return false;
        }

        try
        {
            var reader = new Utf8JsonReader(data, _options);
            while (reader.Read())
            {
                // To its end.
            }

            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
