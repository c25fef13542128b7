using System.Text.Json;
using SseListener.Log;

namespace SseListener.Events;

/// <summary>
/// Copies frames, each in pieces: a frame may be far longer than a write. Where asked for, the data are put into an envelope:
/// <c>data: {"channel":"orders","data":…}</c>, or with the type and the id too, and then the frame itself has no type. Data that are JSON
/// on one line stand there as they are, others as a string.
/// </summary>
internal sealed class FrameCopy(Envelope envelope)
{
    private const int EscapedPiece = 4096; // Most that is escaped at a time, which may make it six times as long.
    private FrameLocation _frame;
    private int _copied;
    private int _dataStart;
    private int _dataEnd;
    private bool _isJson;

    public bool IsDone => _copied == _frame.Length;
    public bool IsLapped => _frame.IsGone;
    private static ReadOnlySpan<byte> Field => "data: "u8;

    public void Begin(FrameLocation frame)
    {
        _frame = frame;
        if (envelope is not Envelope.None && frame.Segment.Buffer is { } buffer)
            FindData(buffer.AsSpan(frame.Start, frame.Length));
    }

    /// <summary>Writes the next piece, of about <paramref name="limit"/> bytes at most; false when the frame has been dropped.</summary>
    public bool TryWrite(IBufferWriter<byte> output, int limit)
    {
        // The buffer is read once: it may be dropped at any moment.
        if (_frame.Segment.Buffer is not { } buffer)
            return false;

        var frame = buffer.AsSpan(_frame.Start, _frame.Length);
        if (_copied < _dataEnd)
            WriteEnvelope(frame, output, limit);
        else
            CopyTo(frame.Length, frame, output, limit);

        if (IsDone)
        {
            // A segment keeps all later ones of its channel in memory.
            _frame = default;
            _copied = _dataEnd = 0;
        }

        return true;
    }

    private void FindData(ReadOnlySpan<byte> frame)
    {
        var start = frame.StartsWith(Field) ? 0 : frame.IndexOf((byte)'\n') + 1;
        var end = start;
        while (frame[end..].StartsWith(Field))
            end += frame[end..].IndexOf((byte)'\n') + 1;

        _dataStart = start + Field.Length;
        _dataEnd = end - 1;

        // Several lines are no JSON, for the name of the field stands between them.
        _isJson = IsJson(frame[_dataStart.._dataEnd]);
    }

    private void WriteEnvelope(ReadOnlySpan<byte> frame, IBufferWriter<byte> output, int limit)
    {
        if (_copied == 0)
            OpenEnvelope(frame, output);

        if (_isJson)
            CopyTo(_dataEnd, frame, output, limit);
        else
            WriteEscaped(frame[_copied..Math.Min(_dataEnd, _copied + Math.Min(limit, EscapedPiece))], output);

        if (_copied == _dataEnd)
            output.Write(_isJson ? "}"u8 : "\"}"u8);
    }

    private void OpenEnvelope(ReadOnlySpan<byte> frame, IBufferWriter<byte> output)
    {
        if (envelope is Envelope.Channel)
        {
            output.Write(frame[.._dataStart]);
            output.Write(Encoding.ASCII.GetBytes($$"""{"channel":"{{_frame.Channel}}","data":"""));
        }
        else
        {
            output.Write(Field);
            SseFrame.WriteEnvelope(output, _frame.Channel, SseFrame.TypeOf(frame), SseFrame.IdOf(frame));
        }

        output.Write(_isJson ? ""u8 : "\""u8);
        _copied = _dataStart;
    }

    private void WriteEscaped(ReadOnlySpan<byte> piece, IBufferWriter<byte> output)
    {
        // Up to the next line of the same data.
        var end = piece.IndexOf((byte)'\n');
        JsonText.WriteEscaped(output, end < 0 ? piece : piece[..end]);
        output.Write(end < 0 ? ""u8 : "\\n"u8);
        _copied += end < 0 ? piece.Length : end + 1 + Field.Length;
    }

    private void CopyTo(int end, ReadOnlySpan<byte> frame, IBufferWriter<byte> output, int limit)
    {
        // The two line feeds at a frame's end stay together, for slices count frames by them.
        var last = _copied + limit + 1 >= end ? end : _copied + limit;
        output.Write(frame[_copied..last]);
        _copied = last;
    }

    private static bool IsJson(ReadOnlySpan<byte> data)
    {
        // Most text is told from JSON by its first character, without the reader's exception.
        if (data.IsEmpty || !"{[\"-0123456789tfn \t"u8.Contains(data[0]))
            return false;

        try
        {
            var reader = new Utf8JsonReader(data, EventJson.Options);
            return reader.Read() && reader.TrySkip() && !reader.Read();
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
