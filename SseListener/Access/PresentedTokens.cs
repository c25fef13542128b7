using SseListener.Listener;

namespace SseListener.Access;

/// <summary>The tokens that a request brings along.</summary>
/// <param name="Texts">None; or one; or several cookies; or the different ones in header and query, which no client should send.</param>
/// <param name="AreCookies">Whether they are cookies, which a browser sends by itself, whichever page caused the request.</param>
internal sealed record PresentedTokens(IReadOnlyList<string> Texts, bool AreCookies)
{
    private const string Scheme = "Bearer ";
    private const string Cookie = "sse_token=";

    // Each costs a verification.
    private const int MostCookies = 10;

    /// <summary>Finds them in <c>Authorization</c> (RFC 6750, section 2.1) and the query, or else in the cookies.</summary>
    public static PresentedTokens Of(Exchange exchange)
    {
        var sent = Distinct(exchange.Target.All("token").Append(FromHeader(exchange)));
        return sent.Count > 0
            ? new(sent, AreCookies: false)
            : new([.. Distinct(FromCookies(exchange)).Take(MostCookies)], AreCookies: true);
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
