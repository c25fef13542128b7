using System.Buffers.Text;
using SseListener.Log;

namespace SseListener.Events;

/// <summary>
/// Writes events as the bytes a client receives (WHATWG HTML, section 9.2.5 "Parsing an event stream"). The order of the
/// fields is event, data, retry, id; an id is written only where a client can resume from it.
/// </summary>
internal static class SseFrame
{
    private static readonly SearchValues<byte> _lineBreaks = SearchValues.Create("\r\n"u8);

    /// <summary>A comment, which clients ignore: it shows both ends, and all between, that the stream is alive.</summary>
    public static byte[] Heartbeat { get; } = ":\n\n"u8.ToArray();

    /// <summary>A published event under the <paramref name="id"/> that it is kept by.</summary>
    public static void WriteEvent(IBufferWriter<byte> output, SseEvent sseEvent, string id) =>
        Write(output, sseEvent.Type, sseEvent.Data.Span, sseEvent.Retry, id);

    /// <summary>The greeting: the client's own id, its channels, after how many milliseconds to reconnect, and its place.</summary>
    public static void WriteHello(IBufferWriter<byte> output, string client, IEnumerable<string> channels, int retry, string position)
    {
        var names = string.Join(',', channels.Select(JsonText.Quote));
        Write(output, "hello"u8, Bytes($$"""{"client":"{{client}}","channels":[{{names}}]}"""), retry, position);
    }

    /// <summary>Tells that history between <paramref name="lastEventId"/> and what follows is not complete.</summary>
    public static void WriteGap(IBufferWriter<byte> output, string lastEventId) =>
        Write(output, "gap"u8, Bytes($$"""{"lastEventId":{{JsonText.Quote(lastEventId)}}}"""), retry: null, id: null);

    /// <summary>Tells that another client has come or gone; in an envelope if <paramref name="channel"/> is not null.</summary>
    public static void WritePresence(
        IBufferWriter<byte> output, bool hasJoined, string client, int clients, string? channel, string position)
    {
        var data = $$"""{"{{(hasJoined ? "joined" : "left")}}":"{{client}}","clients":{{clients}}}""";
        var enveloped = channel is null ? data : $$"""{"channel":"{{channel}}","data":{{data}}}""";
        Write(output, hasJoined ? "join"u8 : "leave"u8, Bytes(enveloped), retry: null, position);
    }

    private static void Write(IBufferWriter<byte> output, ReadOnlySpan<byte> type, ReadOnlySpan<byte> data, int? retry, string? id)
    {
        if (!type.IsEmpty)
            WriteField(output, "event: "u8, type);

        WriteData(output, data);
        if (retry is { } milliseconds)
        {
            Span<byte> digits = stackalloc byte[11];
            Utf8Formatter.TryFormat(milliseconds, digits, out var length);
            WriteField(output, "retry: "u8, digits[..length]);
        }

        if (id is not null)
            WriteField(output, "id: "u8, Bytes(id));

        output.Write("\n"u8);
    }

    // One data field a line. CRLF, LF and CR end a line in an event stream and nothing else does; the space after the
    // colon is the one that a parser takes away, so leading spaces of the data survive.
    private static void WriteData(IBufferWriter<byte> output, ReadOnlySpan<byte> data)
    {
        while (data.IndexOfAny(_lineBreaks) is var end and >= 0)
        {
            WriteField(output, "data: "u8, data[..end]);
            data = data[(end + (data[end..].StartsWith("\r\n"u8) ? 2 : 1))..];
        }

        WriteField(output, "data: "u8, data);
    }

    private static void WriteField(IBufferWriter<byte> output, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        output.Write(name);
        output.Write(value);
        output.Write("\n"u8);
    }

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);
}
