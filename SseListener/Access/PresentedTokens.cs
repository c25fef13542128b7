using SseListener.Listener;

namespace SseListener.Access;

/// <summary>The tokens that a request brings along: one, or as many as there are cookies of that name.</summary>
/// <param name="Texts">The tokens; empty ones are none.</param>
/// <param name="Source">Where they were.</param>
internal sealed record PresentedTokens(IReadOnlyList<string> Texts, TokenSource Source)
{
    private const string Scheme = "Bearer ";
    private const string Cookie = "sse_token=";

    // Each costs a verification.
    private const int MostCookies = 10;

    /// <summary>Takes them from <c>Authorization</c> (RFC 6750, section 2.1) or the query, or else from the cookies.</summary>
    /// <returns>None; or one; or several of cookies; or the different ones in header and query, which no client should send.</returns>
    public static PresentedTokens Of(Exchange exchange)
    {
        var header = FromHeader(exchange);
        var sent = Distinct(exchange.Target.All("token").Append(header));
        return header is not null ? new(sent, TokenSource.Header)
            : sent.Count > 0 ? new(sent, TokenSource.Query)
            : new([.. Distinct(FromCookies(exchange)).Take(MostCookies)], TokenSource.Cookie);
    }

    /// <summary>The token in <c>Authorization</c>, or null.</summary>
    public static string? FromHeader(Exchange exchange) =>
        exchange.Request.Headers["Authorization"] is { } header && header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)
            && header[Scheme.Length..].Trim(' ') is { Length: > 0 } token ? token : null;

    private static IEnumerable<string> FromCookies(Exchange exchange) =>
        from cookie in (exchange.Request.Headers["Cookie"] ?? "").Split(';', StringSplitOptions.TrimEntries)
        where cookie.StartsWith(Cookie, StringComparison.Ordinal)
        select cookie[Cookie.Length..].Trim('"');

    private static List<string> Distinct(IEnumerable<string?> tokens) =>
        [.. tokens.OfType<string>().Where(token => token.Length > 0).Distinct(StringComparer.Ordinal)];
}

/// <summary>Where a token was found.</summary>
internal enum TokenSource
{
    /// <summary>In the field <c>Authorization</c>.</summary>
    Header,

    /// <summary>In the query, which proxies and browsers write down.</summary>
    Query,

    /// <summary>In a cookie: it comes by itself, whichever page caused the exchange.Request.</summary>
    Cookie,
}
