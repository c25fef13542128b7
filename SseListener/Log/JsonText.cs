using System.Text.Json;

namespace SseListener.Log;

/// <summary>
/// JSON text as <c>JSON.stringify</c> writes it (ECMA-262, section 25.5.2): without white space, and with only those characters escaped
/// that must be. The framework's encoders also escape private-use, unassigned and some format characters.
/// </summary>
internal static class JsonText
{
    private static readonly SearchValues<byte> _escaped =
        SearchValues.Create([.. Enumerable.Range(0, 0x20).Select(code => (byte)code), (byte)'"', (byte)'\\']);

    /// <summary><paramref name="text"/> as a JSON string; lone surrogates become U+FFFD.</summary>
    public static string Quote(string text)
    {
        var output = new ArrayBufferWriter<byte>();
        WriteString(output, Encoding.UTF8.GetBytes(text));
        return Encoding.UTF8.GetString(output.WrittenSpan);
    }

    /// <summary>
    /// Copies the value at whose first token <paramref name="reader"/> stands, and leaves the reader on its last. Numbers stay as they
    /// are written, where JavaScript would round a 64-bit one, and members stay in their order.
    /// </summary>
    /// <exception cref="JsonException">The value is not JSON.</exception>
    /// <exception cref="InvalidOperationException">A string has an escaped lone surrogate.</exception>
    public static void CopyValue(ref Utf8JsonReader reader, IBufferWriter<byte> output)
    {
        var depth = reader.CurrentDepth;
        var afterValue = false;
        do
        {
            if (afterValue && reader.TokenType is not (JsonTokenType.EndObject or JsonTokenType.EndArray))
                output.Write(","u8);

            WriteToken(ref reader, output);
            afterValue = reader.TokenType is not (JsonTokenType.StartObject or JsonTokenType.StartArray or JsonTokenType.PropertyName);
        }
        while ((!afterValue || reader.CurrentDepth > depth) && reader.Read());
    }

    /// <summary>Writes a piece of UTF-8 text as it stands between the quotes of a string.</summary>
    public static void WriteEscaped(IBufferWriter<byte> output, ReadOnlySpan<byte> text)
    {
        while (text.IndexOfAny(_escaped) is var at and >= 0)
        {
            output.Write(text[..at]);
            WriteEscape(output, text[at]);
            text = text[(at + 1)..];
        }

        output.Write(text);
    }

    private static void WriteToken(ref Utf8JsonReader reader, IBufferWriter<byte> output)
    {
        if (reader.TokenType is not (JsonTokenType.String or JsonTokenType.PropertyName))
        {
            output.Write(reader.ValueSpan);
            return;
        }

        var text = reader.ValueIsEscaped ? new byte[reader.ValueSpan.Length] : [];
        WriteString(output, reader.ValueIsEscaped ? text.AsSpan(0, reader.CopyString(text)) : reader.ValueSpan);
        if (reader.TokenType is JsonTokenType.PropertyName)
            output.Write(":"u8);
    }

    /// <summary>Writes a piece of UTF-8 text as a string.</summary>
    public static void WriteString(IBufferWriter<byte> output, ReadOnlySpan<byte> text)
    {
        output.Write("\""u8);
        WriteEscaped(output, text);
        output.Write("\""u8);
    }

    private static void WriteEscape(IBufferWriter<byte> output, byte character)
    {
        var letter = "\"\\\b\f\n\r\t"u8.IndexOf(character);
        var hex = "0123456789abcdef"u8;
        if (letter >= 0)
            output.Write([(byte)'\\', "\"\\bfnrt"u8[letter]]);
        else
            output.Write([(byte)'\\', (byte)'u', (byte)'0', (byte)'0', hex[character >> 4], hex[character & 0xF]]);
    }
}
