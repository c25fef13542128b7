using System.Text.Unicode;

namespace SseListener.Events;

/// <summary>
/// A message that can always be encoded: nothing downstream checks it again. Data and type are valid UTF-8; an empty type is the default,
/// <c>message</c>. The id is the publisher's own, or null when the hub is to choose one; a retry is in milliseconds.
/// </summary>
internal sealed class SseEvent
{
    /// <summary>Longest event type and longest event id, in UTF-8 bytes: an id has to fit into a request header again.</summary>
    public const int MaxNameBytes = 200;

    /// <summary>What a client sends instead of an id to ask for everything that is kept.</summary>
    public const string Earliest = "earliest";

    private SseEvent() { }

    public required ReadOnlyMemory<byte> Data { get; init; }
    public required byte[] Type { get; init; }
    public required string? Id { get; init; }
    public required int? Retry { get; init; }

    /// <summary>The channels that it names itself; null when the request says where it is published.</summary>
    public required IReadOnlyList<string>? Channels { get; init; }

    /// <summary>Checks the parts of an event; false leaves a <paramref name="problem"/> that says what is wrong.</summary>
    public static bool TryCreate(
        ReadOnlyMemory<byte> data, string? type, string? id, int? retry, IReadOnlyList<string>? channels,
        [NotNullWhen(true)] out SseEvent? sseEvent, [NotNullWhen(false)] out string? problem)
    {
        sseEvent = null;
        channels = channels?.Distinct().ToList();
        var typeBytes = Array.Empty<byte>();
        problem = !Utf8.IsValid(data.Span) ? "The data is not valid UTF-8."
            : retry < 0 ? "retry is a whole number of milliseconds, 0 or more."
            : ProblemOfType(type ?? "", out typeBytes) ?? (id is null ? null : ProblemOfId(id))
                ?? (channels is null ? null : ChannelNames.ProblemOf(channels));
        if (problem is not null)
            return false;

        sseEvent = new SseEvent { Data = data, Type = typeBytes, Id = id, Retry = retry, Channels = channels };
        return true;
    }

    // A line break in a single-line field would let a publisher forge whole events.
    private static string? ProblemOfType(string type, out byte[] bytes) =>
        !TryEncode(type, out bytes) ? $"The type must be valid Unicode of at most {MaxNameBytes} bytes as UTF-8."
        : type.AsSpan().ContainsAny('\r', '\n') ? "The type must not contain a line break."
        : null;

    // An id comes back in the header Last-Event-ID. The listener answers 400 to control characters in a header, and trims what it takes for
    // white space: also 0x85 and 0xA0, the last bytes of some UTF-8 characters.
    private static string? ProblemOfId(string id) =>
        !TryEncode(id, out var bytes) ? $"The id must be valid Unicode of at most {MaxNameBytes} bytes as UTF-8."
        : bytes.Length == 0 ? "The id must not be empty; leave it out to have one chosen."
        : bytes.Any(code => code is < 0x20 or 0x7F) ? "The id must not contain a line break, NUL or another control character."
        : bytes[0] == ' ' || bytes[^1] is (byte)' ' or 0x85 or 0xA0
            ? "The id must not begin or end with white space, nor end with a character whose last UTF-8 byte is 85 or A0: "
                + "it would not survive the header Last-Event-ID."
        : id[0] == PositionCipher.Mark ? $"Ids that begin with {PositionCipher.Mark} are the server's own."
        : id == Earliest ? $"The id \"{Earliest}\" is reserved."
        : null;

    private static bool TryEncode(string text, out byte[] bytes)
    {
        Span<byte> buffer = stackalloc byte[MaxNameBytes];
        var status = Utf8.FromUtf16(text, buffer, out _, out var length, replaceInvalidSequences: false);
        bytes = buffer[..length].ToArray();
        return status == OperationStatus.Done;
    }
}
