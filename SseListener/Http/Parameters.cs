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
    private const string Names = "A channel's name has 1 to 200 characters of A-Z a-z 0-9 . _ ~ : / @ -";
    private const string Patterns = "; a pattern is such a name that ends with / and a single * behind it, such as orders/*.";

    // Some channels are known only to those who were told their names.
    private const string NotAll = " There is none for all channels: give those that are to be heard together a prefix in common.";

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
        ["prefix"] = OfListing,
        ["after"] = OfListing,
        ["token"] = "A token is sent as Authorization: Bearer here.",
    };

    public static IReadOnlyList<string> Stream { get; } = ["channel", "lastEventId", "last_event_id", "envelope", "token"];
    public static IReadOnlyList<string> Text { get; } = ["channel", "type", "id", "retry"];
    public static IReadOnlyList<string> Json { get; } = ["channel"];
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

    /// <summary>Reads the one channel to publish to; false leaves a <paramref name="problem"/> for the client.</summary>
    public static bool TryReadChannel(RequestTarget target, out string channel, [NotNullWhen(false)] out string? problem)
    {
        var names = target.All("channel").ToList();
        channel = names.FirstOrDefault(ChannelNames.Default);
        problem = names.Count > 1 ? "An event is published to one channel."
            : ChannelNames.IsName(channel) ? null
            : Names + (channel.EndsWith('*') ? ". Patterns are for listening: an event is published to one channel." : ".");
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
            : !topics.All(name => ChannelNames.IsName(name) || ChannelNames.IsPattern(name))
                ? Names + Patterns + (names.Contains(ChannelNames.All) ? NotAll : "")
            : enveloped is null or "0" or "1" or "2" ? null : "envelope is 0, 1 or 2.";
        return problem is null;
    }

    /// <summary>Reads which channels are to be listed: with what prefix, and behind which name; false leaves a problem.</summary>
    public static bool TryReadList(RequestTarget target, out string prefix, out string after, [NotNullWhen(false)] out string? problem)
    {
        (prefix, after) = (target.First("prefix") ?? "", target.First("after") ?? "");
        problem = (prefix.Length == 0 || ChannelNames.IsName(prefix)) && (after.Length == 0 || ChannelNames.IsName(after)) ? null
            : Names + "; prefix is what names begin with, such as orders/, and after is the last name of the list before.";
        return problem is null;
    }

    /// <summary>What is wrong with a name of a channel in a path, for the client, or null.</summary>
    public static string? ProblemOf(string channel) => ChannelNames.IsName(channel) ? null
        : Names + ". GET /channels?prefix=orders/ lists channels.";

    // Random values that keep caches from answering: scripts (jQuery) send _, and older EventSource polyfills r.
    private static bool IsCacheBuster(string name, IReadOnlyList<string> known) => name is "_" || (name is "r" && known == Stream);

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
