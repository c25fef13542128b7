using System.Net;

namespace SseListener.Http;

/// <summary>The token that a request brings along.</summary>
/// <param name="Text">The token.</param>
/// <param name="Source">Where it was.</param>
internal sealed record PresentedToken(string Text, TokenSource Source)
{
    private const string Scheme = "Bearer ";
    private const string Cookie = "sse_token=";

    /// <summary>Takes the token from <c>Authorization</c> (RFC 6750, section 2.1), or else from the query, or else from the cookie.</summary>
    /// <param name="exchange">The request.</param>
    /// <param name="token">The token; null when there is none.</param>
    /// <returns>False when there are different ones: which is meant is not ours to guess.</returns>
    public static bool TryRead(Exchange exchange, out PresentedToken? token)
    {
        var header = FromHeader(exchange.Request);
        var query = exchange.Target.First("token");
        token = header is not null ? new PresentedToken(header, TokenSource.Header)
            : query is not null ? new PresentedToken(query, TokenSource.Query)
            : FromCookie(exchange.Request) is { } cookie ? new PresentedToken(cookie, TokenSource.Cookie)
            : null;
        var meant = token?.Text;
        return exchange.Target.All("token").All(other => other == meant);
    }

    private static string? FromHeader(HttpListenerRequest request) =>
        request.Headers["Authorization"] is { } header && header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)
            ? header[Scheme.Length..].Trim(' ')
            : null;

    private static string? FromCookie(HttpListenerRequest request) =>
        (request.Headers["Cookie"] ?? "").Split(';', StringSplitOptions.TrimEntries)
            .FirstOrDefault(cookie => cookie.StartsWith(Cookie, StringComparison.Ordinal))?[Cookie.Length..].Trim('"');
}

/// <summary>Where a token was found.</summary>
internal enum TokenSource
{
    /// <summary>In the field <c>Authorization</c>.</summary>
    Header,

    /// <summary>In the query, which proxies and browsers write down.</summary>
    Query,

    /// <summary>In a cookie: it comes by itself, whichever page caused the request.</summary>
    Cookie,
}
