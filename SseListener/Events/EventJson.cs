using System.Text.Json;
using System.Text.Unicode;
using SseListener.Log;

namespace SseListener.Events;

/// <summary>
/// Reads events from JSON: <c>{"type":"alert","data":any,"id":"…","retry":10000,"channel":"…"}</c>, of which only data is required;
/// with <c>"channels":["…","…"]</c> it is for several. In place of data, <c>"text":"…"</c> is text that arrives as such, not as JSON.
/// </summary>
internal static class EventJson
{
    /// <summary>How deep JSON may be: far deeper than people write, and shallow enough for every parser that will read it.</summary>
    public static readonly JsonReaderOptions Options = new() { MaxDepth = 1000 };
    private const string Expected = "must be a JSON object such as {\"type\":\"alert\",\"data\":{\"any\":\"JSON\"}}.";

    // An event takes some 200 bytes besides its data, so the bound on the body alone would let memory grow by twenty times as much.
    private const int MostEvents = 20_000;

    private static readonly string[] _names = ["type", "data", "text", "id", "retry", "channel", "channels"];

    /// <summary>Reads one event from <paramref name="json"/>; false leaves a <paramref name="problem"/> for the publisher.</summary>
    public static bool TryParse(
        ReadOnlySpan<byte> json, [NotNullWhen(true)] out SseEvent? sseEvent, [NotNullWhen(false)] out string? problem)
    {
        sseEvent = null;
        problem = json.Trim(" \t\r\n"u8).IsEmpty ? $"The body is empty; it {Expected}"
            : !Utf8.IsValid(json) ? "The body is not valid UTF-8."
            : null;
        try
        {
            var reader = new Utf8JsonReader(json, Options);
            return problem is null
                && TryReadMembers(ref reader, out var members, out problem)
                && SseEvent.TryCreate(members.Data, members.Type, members.Id, members.Retry, members.Channels, out sseEvent, out problem);
        }
        catch (JsonException e)
        {
            problem = $"The body is not JSON: line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1}.";
        }
        catch (InvalidOperationException)
        {
            // The reader's way to report an escaped lone surrogate, for which UTF-8 has no bytes.
            problem = "A string has a lone surrogate, which is not Unicode text.";
        }

        return false;
    }

    /// <summary>Reads a batch (application/x-ndjson): one event a line, blank lines aside. All of them or none.</summary>
    public static bool TryParseLines(
        ReadOnlySpan<byte> lines, [NotNullWhen(true)] out List<SseEvent>? events, [NotNullWhen(false)] out string? problem)
    {
        events = [];
        problem = null;
        var number = 0;
        foreach (var range in lines.Split((byte)'\n'))
        {
            number++;
            var line = lines[range].Trim(" \t\r"u8);
            if (line.IsEmpty)
                continue;

            if (TryParse(line, out var sseEvent, out problem))
                events.Add(sseEvent);

            problem = problem is not null ? $"Line {number}: {problem} Nothing of the batch was published."
                : events.Count > MostEvents ? $"A batch may have at most {MostEvents} events."
                : null;
            if (problem is not null)
                return false;
        }

        problem = events.Count == 0 ? "The body is empty: a batch has an event, a JSON object, in each line." : null;
        return problem is null;
    }

    private static bool TryReadMembers(ref Utf8JsonReader reader, out Members members, [NotNullWhen(false)] out string? problem)
    {
        members = default;
        problem = $"The body {Expected}";
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            return false;

        var seen = 0; // A bit for each of the names. A batch may have thousands of events: nothing is allocated to read their names.
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var index = IndexOfName(ref reader);
            var (name, bit) = index < 0 ? (reader.GetString()!, 0) : (_names[index], 1 << index);
            reader.Read();
            problem = (seen & bit) == 0 ? members.Read(name, ref reader) : $"The member \"{name}\" occurs twice.";
            seen |= bit;
            if (problem is not null)
                return false;
        }

        // One more read throws if anything follows the object.
        reader.Read();
        problem = members.Data is not null ? null : "The member \"data\" is missing; it may be any JSON, also null or \"\".";
        return problem is null;
    }

    private static int IndexOfName(ref Utf8JsonReader reader)
    {
        for (var index = 0; index < _names.Length; index++)
        {
            if (reader.ValueTextEquals(_names[index]))
                return index;
        }

        return -1;
    }

    private record struct Members(byte[]? Data, string? Type, string? Id, int? Retry, List<string>? Channels)
    {
        // Returns what is wrong with the member, or null.
        public string? Read(string name, ref Utf8JsonReader reader)
        {
            switch (name)
            {
                case "data" or "text" when Data is not null:
                    return "An event has \"data\" or \"text\", not both.";
                case "text" when reader.TokenType is JsonTokenType.String:
                    Data = Encoding.UTF8.GetBytes(reader.GetString()!);
                    return null;
                case "text":
                    return "The member \"text\" must be a string.";
                case "data":
                    var text = new ArrayBufferWriter<byte>();
                    JsonText.CopyValue(ref reader, text);
                    Data = text.WrittenSpan.ToArray();
                    return null;
                case "type" or "id" when reader.TokenType is not (JsonTokenType.String or JsonTokenType.Null):
                    return $"The member \"{name}\" must be a string.";
                case "type":
                    Type = reader.GetString();
                    return null;
                case "id":
                    Id = reader.GetString();
                    return null;
                case "channel" or "channels" when Channels is not null:
                    return "An event has \"channel\" or \"channels\", not both.";
                case "channel" when reader.TokenType is JsonTokenType.String:
                    Channels = [reader.GetString()!];
                    return null;
                case "channel":
                    return "The member \"channel\" must be a string.";
                case "channels":
                    Channels = [];
                    return ReadChannels(ref reader) ? null : "The member \"channels\" must be an array of strings.";
                case "retry" when reader.TokenType is JsonTokenType.Number && reader.TryGetInt32(out var retry):
                    Retry = retry;
                    return null;
                case "retry":
                    return reader.TokenType is JsonTokenType.Null ? null : "The member \"retry\" must be a whole number of milliseconds.";
                default:
                    // A misspelt member would otherwise be lost without a word.
                    return $"The member \"{Spelling.Short(name)}\" is unknown; an event has {string.Join(", ", _names)}.{HintTo(name)}";
            }
        }

        private readonly bool ReadChannels(ref Utf8JsonReader reader)
        {
            var isArray = reader.TokenType is JsonTokenType.StartArray;
            while (isArray && reader.Read() && reader.TokenType is JsonTokenType.String)
                Channels!.Add(reader.GetString()!);

            return isArray && reader.TokenType is JsonTokenType.EndArray;
        }

        private static string HintTo(string name) => Spelling.Nearest(name, _names) is { } meant ? $" Did you mean \"{meant}\"?" : "";
    }
}
