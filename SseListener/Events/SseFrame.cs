using SseListener.Log;

namespace SseListener.Events;

/// <summary>Writes frames (WHATWG HTML, section 9.2.5): the fields event, data, retry, and id where a client can resume from it.</summary>
internal static class SseFrame
{
    private const string EndId = "@end-";
    private const string ForgetId = "@forget-";
    private static readonly SearchValues<byte> _lineBreaks = SearchValues.Create("\r\n"u8);

    /// <summary>A comment, which clients ignore: it shows both ends, and all between, that the stream is alive.</summary>
    public static byte[] Heartbeat { get; } = ":\n\n"u8.ToArray();

    /// <summary>The id in a frame, from its last line (<c>id: …</c>); empty when there is none.</summary>
    public static ReadOnlySpan<byte> IdOf(ReadOnlySpan<byte> frame)
    {
        var line = frame[..^2];
        line = line[(line.LastIndexOf((byte)'\n') + 1)..];
        return line.StartsWith("id: "u8) ? line["id: "u8.Length..] : [];
    }

    /// <summary>The type of the event in a frame, from its first line (<c>event: …</c>); without one it is <c>message</c>.</summary>
    public static ReadOnlySpan<byte> TypeOf(ReadOnlySpan<byte> frame) =>
        frame.StartsWith("event: "u8) ? frame["event: "u8.Length..frame.IndexOf((byte)'\n')] : "message"u8;

    /// <summary>What becomes of a channel by a frame with this id: most are events, which change nothing.</summary>
    public static ChannelChange ChangeOf(ReadOnlySpan<byte> id) =>
        !id.StartsWith("@"u8) ? ChannelChange.None
        : id.StartsWith(Bytes(EndId)) ? ChannelChange.End
        : id.StartsWith(Bytes(ForgetId)) ? ChannelChange.Forget
        : ChannelChange.None;

    public static void WriteEvent(IBufferWriter<byte> output, SseEvent sseEvent, string id) =>
        Write(output, sseEvent.Type, sseEvent.Data.Span, sseEvent.Retry, id);

    /// <summary>
    /// Writes the frame by which the log ends a channel, or forgets it. Clients get the one of an end. It has an id that no publisher can
    /// send, by which it is known.
    /// </summary>
    public static void WriteChange(IBufferWriter<byte> output, ChannelChange change, string channel)
    {
        var (type, member, id) = change is ChannelChange.End ? ("end", "ended", EndId) : ("forget", "forgotten", ForgetId);
        WriteOwn(output, type, channel: null, $$"""{"{{member}}":"{{channel}}"}""", retry: null, id + NanoId.Generate(), Envelope.None);
    }

    /// <summary>The greeting: the client's own id, its channels, after how many milliseconds to reconnect, and its place.</summary>
    public static void WriteHello(
        IBufferWriter<byte> output, string client, IEnumerable<string> channels, int retry, string position, Envelope envelope)
    {
        var names = string.Join(',', channels.Select(JsonText.Quote));
        WriteOwn(output, "hello", channel: null, $$"""{"client":"{{client}}","channels":[{{names}}]}""", retry, position, envelope);
    }

    /// <summary>Tells that history between <paramref name="lastEventId"/> and what follows is not complete.</summary>
    public static void WriteGap(IBufferWriter<byte> output, string lastEventId, Envelope envelope)
    {
        var data = $$"""{"lastEventId":{{JsonText.Quote(lastEventId)}}}""";
        WriteOwn(output, "gap", channel: null, data, retry: null, id: null, envelope);
    }

    /// <summary>Tells that another client, whose user may be known, has come to a channel or left it, and how many there are.</summary>
    public static void WritePresence(
        IBufferWriter<byte> output, bool hasJoined, string client, string? user, int clients, string channel, string position,
        Envelope envelope)
    {
        var named = user is null ? "" : $"\"user\":{JsonText.Quote(user)},";
        var data = $$"""{"{{(hasJoined ? "joined" : "left")}}":"{{client}}",{{named}}"clients":{{clients}}}""";
        WriteOwn(output, hasJoined ? "join" : "leave", channel, data, retry: null, position, envelope);
    }

    /// <summary>Writes the beginning of an envelope of a whole event, up to its data; the end is a brace.</summary>
    /// <param name="output">Takes it.</param>
    /// <param name="channel">The event's channel; null for an event of the stream.</param>
    /// <param name="type">Its type as UTF-8.</param>
    /// <param name="id">Its id as UTF-8, empty for none.</param>
    public static void WriteEnvelope(IBufferWriter<byte> output, string? channel, ReadOnlySpan<byte> type, ReadOnlySpan<byte> id)
    {
        output.Write(Bytes($$"""{"channel":{{(channel is null ? "null" : JsonText.Quote(channel))}},"type":"""));
        WriteString(output, type);
        output.Write(",\"id\":"u8);
        WriteString(output, id);
        output.Write(",\"data\":"u8);
    }

    // A frame that no publisher has sent.
    private static void WriteOwn(
        IBufferWriter<byte> output, string type, string? channel, string data, int? retry, string? id, Envelope envelope)
    {
        if (envelope is Envelope.Event)
        {
            var whole = new ArrayBufferWriter<byte>();
            WriteEnvelope(whole, channel, Bytes(type), Bytes(id ?? ""));
            whole.Write(Bytes(data + "}"));
            Write(output, type: [], whole.WrittenSpan, retry, id);
            return;
        }

        var isNamed = envelope is Envelope.Channel && channel is not null;
        Write(output, Bytes(type), Bytes(isNamed ? $$"""{"channel":"{{channel}}","data":{{data}}}""" : data), retry, id);
    }

    private static void Write(IBufferWriter<byte> output, ReadOnlySpan<byte> type, ReadOnlySpan<byte> data, int? retry, string? id)
    {
        if (!type.IsEmpty)
            WriteField(output, "event: "u8, type);

        WriteData(output, data);
        if (retry is not null)
            WriteField(output, "retry: "u8, Bytes($"{retry}"));

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

    // As JSON; null for none.
    private static void WriteString(IBufferWriter<byte> output, ReadOnlySpan<byte> text)
    {
        output.Write(text.IsEmpty ? "null"u8 : "\""u8);
        JsonText.WriteEscaped(output, text);
        output.Write(text.IsEmpty ? ""u8 : "\""u8);
    }

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);
}
