using SseListener.Events;
using SseListener.Listener;

namespace SseListener.Http;

/// <summary>
/// The query parameters of each endpoint; any other is refused. Ignored, <c>?chanel=private</c> would publish to everybody, and with
/// <c>?id=</c> beside JSON a retry would only look safe. Static pages allow any: their scripts may read what is in the query.
/// </summary>
internal static class Parameters
{
    private const int MostTopics = 100;
    private const long LongestRewind = 1_000_000_000; // Seconds, some thirty years.
    private const string OfText = "It is a parameter of publishing text/plain; with JSON it is a member of the event.";
    private const string OfListening = "It is a parameter of GET /events only.";
    private const string OfListing = "It is a parameter of GET /channels only.";

    // Where a parameter belongs that another endpoint has.
    private static readonly Dictionary<string, string> _belongsTo = new()
    {
        ["type"] = OfText,
        ["id"] = OfText,
        ["retry"] = OfText,
        ["lastEventId"] = OfListening,
        ["last_event_id"] = OfListening,
        ["envelope"] = OfListening,
        ["rewind"] = OfListening,
        ["limit"] = "It is a parameter of GET /events with Accept: application/json.",
        ["end"] = "It is a parameter of publishing.",
        ["prefix"] = OfListing,
        ["after"] = OfListing,
        ["token"] = "A token is sent as Authorization: Bearer here.",
    };

    public static IReadOnlyList<string> Stream { get; } = ["channel", "lastEventId", "last_event_id", "rewind", "envelope", "token"];

    /// <summary>Of GET and HEAD /events, whatever is to be answered.</summary>
    public static IReadOnlyList<string> Events { get; } = [.. Stream, "limit"];
    public static IReadOnlyList<string> History { get; } = ["channel", "limit", "token"];
    public static IReadOnlyList<string> Text { get; } = ["channel", "type", "id", "retry", "end"];
    public static IReadOnlyList<string> Json { get; } = ["channel", "end"];
    public static IReadOnlyList<string> List { get; } = ["prefix", "after", "token"];
    public static IReadOnlyList<string> Token { get; } = ["token"];
    public static IReadOnlyList<string> None { get; } = [];

    /// <summary>What is wrong with the names in a query, for the client, or null.</summary>
    public static string? ProblemOf(RequestTarget target, IReadOnlyList<string> known)
    {
        var unknown = target.Names.FirstOrDefault(name => !known.Contains(name) && !IsCacheBuster(name, known));
        var twice = known.FirstOrDefault(name => !IsList(name) && target.All(name).Skip(1).Any());
        return unknown is not null ? DescribeUnknown(unknown, known)
            : twice is not null ? $"The parameter \"{twice}\" may be given once only."
            : null;
    }

    /// <summary>Reads the channels to publish to, null if none is named; false leaves a problem for the client.</summary>
    public static bool TryReadChannels(RequestTarget target, out IReadOnlyList<string>? channels, [NotNullWhen(false)] out string? problem)
    {
        var names = target.All("channel").Distinct().ToList();
        (channels, problem) = names.Count == 0 ? (null, null) : (names, ChannelNames.ProblemOf(names));
        return problem is null;
    }

    /// <summary>Reads the channels and patterns to listen to, and what data are to be put into; false leaves a problem.</summary>
    public static bool TryReadTopics(
        RequestTarget target, out IReadOnlyList<string> topics, out Envelope envelope, [NotNullWhen(false)] out string? problem)
    {
        var (names, enveloped) = (target.All("channel").Distinct().ToList(), target.First("envelope"));
        topics = names.Count > 0 ? names : [ChannelNames.Default];
        envelope = enveloped switch { "1" => Envelope.Channel, "2" => Envelope.Event, _ => Envelope.None };
        problem = topics.Count > MostTopics ? $"A client may listen to at most {MostTopics} channels on one connection."
            : enveloped is not (null or "0" or "1" or "2") ? "envelope is 0, 1 or 2."
            : ChannelNames.ProblemOfTopics(topics);
        return problem is null;
    }

    /// <summary>Reads how far back to begin: null if it is not said; false leaves a problem.</summary>
    public static bool TryReadRewind(RequestTarget target, out Rewind? rewind, [NotNullWhen(false)] out string? problem)
    {
        var text = target.First("rewind") ?? "";
        var digits = text.TrimEnd('s', 'm', 'h', 'd');
        var unit = text[digits.Length..] switch { "" => 0, "s" => 1, "m" => 60, "h" => 3600, "d" => 86_400, _ => -1 };
        var isNumber = int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var number);
        rewind = unit > 0 ? Rewind.To(TimeSpan.FromSeconds(Math.Min((long)number * unit, LongestRewind))) : Rewind.ToLast(number);
        rewind = text.Length == 0 ? null : rewind;
        problem = text.Length == 0 || (isNumber && unit >= 0) ? null
            : "rewind is a number of events, or an age such as 30s, 10m, 24h or 7d.";
        return problem is null;
    }

    /// <summary>Reads how many events a client wants at most; false leaves a problem.</summary>
    public static bool TryReadLimit(RequestTarget target, int standard, int most, out int limit, [NotNullWhen(false)] out string? problem)
    {
        limit = standard;
        var isGood = target.First("limit") is not { } text
            || (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out limit) && limit >= 1 && limit <= most);
        problem = isGood ? null : $"limit is a whole number from 1 to {most}.";
        return isGood;
    }

    /// <summary>Reads whether the channel is to end behind what is published; false leaves a problem.</summary>
    public static bool TryReadEnd(RequestTarget target, out bool ends, [NotNullWhen(false)] out string? problem)
    {
        ends = target.First("end") is "1";
        problem = target.First("end") is null or "0" or "1" ? null : "end is 0 or 1.";
        return problem is null;
    }

    /// <summary>Reads which channels are to be listed: with what prefix, and behind which name; false leaves a problem.</summary>
    public static bool TryReadList(RequestTarget target, out string prefix, out string after, [NotNullWhen(false)] out string? problem)
    {
        (prefix, after) = (target.First("prefix") ?? "", target.First("after") ?? "");
        problem = (prefix.Length == 0 || ChannelNames.IsName(prefix)) && (after.Length == 0 || ChannelNames.IsName(after)) ? null
            : ChannelNames.Rule + "; prefix is what names begin with, such as orders/, and after is the last name of the list before.";
        return problem is null;
    }

    // Random values that keep caches from answering: scripts (jQuery) send _, and older EventSource polyfills r.
    private static bool IsCacheBuster(string name, IReadOnlyList<string> known) =>
        name is "_" || (name is "r" && known.Contains("lastEventId"));

    // A polyfill appends its last id to a URL that may have one already: the last one counts.
    private static bool IsList(string name) => name is "channel" or "lastEventId" or "last_event_id";

    private static string DescribeUnknown(string name, IReadOnlyList<string> known)
    {
        var meant = Spelling.Nearest(name, [.. known, .. _belongsTo.Keys]);
        var question = meant is null || meant == name ? "" : $" Did you mean \"{meant}\"?";
        var hint = meant is null || known.Contains(meant) ? "" : " " + _belongsTo[meant];
        var list = known.Count == 0 ? "This resource has no parameters." : $"Those there are: {string.Join(", ", known)}.";
        return $"The parameter \"{Spelling.Short(name)}\" is unknown here.{question}{hint} {list}";
    }
}
