using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Json;

namespace SseListener.Log;

/// <summary>
/// JSON text as <c>JSON.stringify</c> writes it (ECMA-262, section 25.5.2): no white space, and only those characters escaped
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
    /// Copies the value at which <paramref name="reader"/> stands, without white space. Numbers stay as they are written,
    /// where JavaScript would round a 64-bit one, and members stay in their order.
    /// </summary>
    /// <param name="reader">Stands on the first token of the value; afterwards on its last.</param>
    /// <param name="output">Takes the text.</param>
    /// <exception cref="JsonException">The value is not JSON.</exception>
    /// <exception cref="InvalidOperationException">A string has an escaped lone surrogate.</exception>
    public static void CopyValue(ref Utf8JsonReader reader, IBufferWriter<byte> output)
    {
        var depth = reader.CurrentDepth;
        var afterValue = false;
        do
        {
            if (afterValue && reader.TokenType is not (JsonTokenType.EndObject or JsonTokenType.EndArray))
            {
                output.Write(","u8);
            }

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

        if (reader.ValueIsEscaped)
        {
            var text = new byte[reader.ValueSpan.Length];
            WriteString(output, text.AsSpan(0, reader.CopyString(text)));
        }
        else
        {
            output.Write("\""u8);
            output.Write(reader.ValueSpan);
            output.Write("\""u8);
        }

        if (reader.TokenType is JsonTokenType.PropertyName)
        {
            output.Write(":"u8);
        }
    }

    private static void WriteString(IBufferWriter<byte> output, ReadOnlySpan<byte> text)
    {
        output.Write("\""u8);
        WriteEscaped(output, text);
        output.Write("\""u8);
    }

    [SuppressMessage("Globalization", "CA1308:Normalize strings to uppercase", Justification = "JSON.stringify writes lower-case hex.")]
    private static void WriteEscape(IBufferWriter<byte> output, byte character)
    {
        switch (character)
        {
            case (byte)'"': output.Write("\\\""u8); break;
            case (byte)'\\': output.Write("\\\\"u8); break;
            case (byte)'\b': output.Write("\\b"u8); break;
            case (byte)'\f': output.Write("\\f"u8); break;
            case (byte)'\n': output.Write("\\n"u8); break;
            case (byte)'\r': output.Write("\\r"u8); break;
            case (byte)'\t': output.Write("\\t"u8); break;
            default:
                output.Write("\\u00"u8);
                output.Write([HexDigit(character >> 4), HexDigit(character & 0xF)]);
                break;
        }
    }

    private static byte HexDigit(int value) => "0123456789abcdef"u8[value];
}
