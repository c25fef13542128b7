using SseListener.Events;
using SseListener.Listener;
using SseListener.Log;

namespace SseListener.Access;

/// <summary>Lets pages of this server and of listed origins use it, and no others (Fetch, section 3.2 "CORS protocol").</summary>
internal sealed class CrossOrigin(IReadOnlyList<string> allowed, LogWriter log)
{
    /// <summary>
    /// Refuses a request of another site's page, unless its origin is listed. Without this check any web page could publish to a server on
    /// its visitor's own machine, with a form and without asking CORS, and listen with its visitor's cookie.
    /// </summary>
    /// <returns>The refusal, which says what header gave the page away (Fetch Metadata; RFC 6454, section 7); null when it may.</returns>
    public Refusal? Check(Exchange exchange)
    {
        var site = exchange.Request.Headers["Sec-Fetch-Site"];
        var origin = exchange.Request.Headers["Origin"];
        return origin is not null && IsAllowed(origin) ? null
            : site is not (null or "same-origin" or "none")
                ? Refusal.Foreign($"A page of another site may not do this (Sec-Fetch-Site: {Spelling.Short(site)}).")
            : origin is not null && !IsThisServer(origin, exchange.Authority)
                ? Refusal.Foreign($"The origin {Spelling.Short(origin)} may not do this: it is not this server.")
            : null;
    }

    /// <summary>Lets a page of a listed origin read the answer, whatever it will be. An unknown origin is never named.</summary>
    public void SetHeaders(Exchange exchange)
    {
        var origin = exchange.Request.Headers["Origin"];

        // A browser sends such a request without asking first, and tells its page only that there was an error.
        if (exchange.AsksForStream && origin is not null && Check(exchange) is { } foreign)
            log.Often(LogLevel.Info, "foreign listener", $"{foreign.Reason} Its browser keeps the events from it.");

        if (allowed.Count == 0)
            return;

        // Also where there is no origin: a cache must not give that answer to a page.
        var headers = exchange.Response.Headers;
        headers["Vary"] = "Origin";
        if (origin is not null && IsAllowed(origin))
        {
            headers["Access-Control-Allow-Origin"] = origin;
            headers["Access-Control-Allow-Credentials"] = "true";
            headers["Access-Control-Expose-Headers"] = "Retry-After, WWW-Authenticate";
        }
    }

    /// <summary>Whether a browser asks beforehand (Fetch, section 3.2.2 "CORS-preflight request").</summary>
    public static bool IsPreflight(Exchange exchange) =>
        exchange.Request.HttpMethod == "OPTIONS" && exchange.Request.Headers["Origin"] is not null
        && exchange.Request.Headers["Access-Control-Request-Method"] is not null;

    /// <summary>Sets up the answer to a preflight request, beside what <see cref="SetHeaders"/> has set.</summary>
    public Refusal? AnswerPreflight(Exchange exchange, string methods)
    {
        var headers = exchange.Response.Headers;
        headers["Vary"] = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers";
        var origin = exchange.Request.Headers["Origin"]!;
        if (!IsAllowed(origin))
            return Refusal.Foreign($"Pages of the origin {Spelling.Short(origin)} may not use the server.");

        headers["Access-Control-Allow-Methods"] = methods;
        headers["Access-Control-Allow-Headers"] = "Authorization, Cache-Control, Content-Type, Last-Event-ID";
        headers["Access-Control-Max-Age"] = "600";
        return null;
    }

    // A browser writes an origin in one way only (RFC 6454, section 6.2), and so does the option.
    private bool IsAllowed(string origin) => allowed.Contains(origin, StringComparer.Ordinal);

    // The scheme may differ: behind a proxy that does TLS, the browser's origin is https and ours is not.
    private static bool IsThisServer(string origin, string host) =>
        origin.Equals("http://" + host, StringComparison.OrdinalIgnoreCase)
        || origin.Equals("https://" + host, StringComparison.OrdinalIgnoreCase);
}
