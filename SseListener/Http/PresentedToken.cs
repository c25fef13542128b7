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
        var given = exchange.Target.All("token").Append(header).OfType<string>().Distinct(StringComparer.Ordinal).ToList();
        var source = header is not null ? TokenSource.Header : TokenSource.Query;
        if (given.Count == 0)
        {
            // Two of them may be one of ours, and one that a neighbouring site has set for all sites of its domain.
            given = [.. FromCookies(exchange.Request).Distinct(StringComparer.Ordinal)];
            source = TokenSource.Cookie;
        }

        token = given.Count == 0 ? null : new PresentedToken(given[0], source);
        return given.Count <= 1;
    }

    private static string? FromHeader(HttpListenerRequest request) =>
        request.Headers["Authorization"] is { } header && header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)
            ? header[Scheme.Length..].Trim(' ')
            : null;

    private static IEnumerable<string> FromCookies(HttpListenerRequest request) =>
        from cookie in (request.Headers["Cookie"] ?? "").Split(';', StringSplitOptions.TrimEntries)
        where cookie.StartsWith(Cookie, StringComparison.Ordinal)
        select cookie[Cookie.Length..].Trim('"');
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
