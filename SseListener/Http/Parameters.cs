using SseListener.Events;
using SseListener.Listener;

namespace SseListener.Http;

/// <summary>
/// Which query parameters an endpoint has; any other is refused. Ignored, <c>?chanel=private</c> would publish to everybody, and with
/// <c>?id=</c> beside JSON a retry would only look safe. Static pages take any: what is in their query is for their scripts.
/// </summary>
internal static class Parameters
{
    private const string OfText = "It is a parameter of publishing text/plain; with JSON it is a member of the event.";
    private const string OfListening = "It is a parameter of GET /events only.";

    // Where a parameter belongs that another endpoint has.
    private static readonly Dictionary<string, string> _places = new(StringComparer.Ordinal)
    {
        ["type"] = OfText,
        ["id"] = OfText,
        ["retry"] = OfText,
        ["lastEventId"] = OfListening,
        ["last_event_id"] = OfListening,
        ["envelope"] = OfListening,
        ["token"] = "A token is sent as Authorization: Bearer here.",
    };

    /// <summary>Those of <c>GET /events</c>.</summary>
    public static IReadOnlyList<string> Stream { get; } = ["channel", "lastEventId", "last_event_id", "envelope", "token"];

    /// <summary>Those of publishing text.</summary>
    public static IReadOnlyList<string> Text { get; } = ["channel", "type", "id", "retry"];

    /// <summary>Those of publishing JSON.</summary>
    public static IReadOnlyList<string> Json { get; } = ["channel"];

    /// <summary>Those of an endpoint that has none.</summary>
    public static IReadOnlyList<string> None { get; } = [];

    /// <summary>What is wrong with a query, for the client, or null.</summary>
    /// <param name="target">The query.</param>
    /// <param name="known">The endpoint's parameters.</param>
    public static string? ProblemOf(RequestTarget target, IReadOnlyList<string> known)
    {
        var unknown = target.Names.FirstOrDefault(name => !known.Contains(name) && !IsCacheBuster(name, known));
        var twice = known.FirstOrDefault(name => !IsList(name) && target.All(name).Skip(1).Any());
        return unknown is not null ? DescribeUnknown(unknown, known)
            : twice is not null ? $"The parameter \"{twice}\" may be given once only."
            : null;
    }

    // Random values that keep caches from answering: scripts (jQuery) send _, and older EventSource polyfills r. No parameter is meant.
    private static bool IsCacheBuster(string name, IReadOnlyList<string> known) => name is "_" || (name is "r" && known == Stream);

    // A polyfill appends its last id to a URL that may have one already: the last one counts.
    private static bool IsList(string name) => name is "channel" or "lastEventId" or "last_event_id";

    private static string DescribeUnknown(string name, IReadOnlyList<string> known)
    {
        var meant = Spelling.Nearest(name, [.. known, .. _places.Keys]);
        var question = meant is null || meant == name ? "" : $" Did you mean \"{meant}\"?";
        var place = meant is null || known.Contains(meant) ? "" : " " + _places[meant];
        var list = known.Count == 0 ? "This resource has no parameters." : $"Those there are: {string.Join(", ", known)}.";
        return $"The parameter \"{Spelling.Short(name)}\" is unknown here.{question}{place} {list}";
    }
}
