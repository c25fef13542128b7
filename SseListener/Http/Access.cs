using System.Diagnostics.CodeAnalysis;
using System.Net;

namespace SseListener.Http;

/// <summary>Who may publish.</summary>
internal static class Access
{
    /// <summary>
    /// Whether a page of another site sent this request. Without this check any web page could publish to a server on its
    /// visitor's own machine, with a form and without being allowed to by CORS.
    /// </summary>
    /// <param name="request">A request that changes something.</param>
    /// <param name="problem">Which header gives it away (Fetch Metadata; RFC 6454, section 7).</param>
    public static bool IsCrossSite(HttpListenerRequest request, [NotNullWhen(true)] out string? problem)
    {
        var site = request.Headers["Sec-Fetch-Site"];
        var origin = request.Headers["Origin"];
        problem = site is not (null or "same-origin" or "none") ? $"Publishing from a page of another site is refused (Sec-Fetch-Site: {site})."
            : origin is not null && !IsThisServer(origin, request.UserHostName) ? $"Publishing from the origin {origin} is refused: it is not this server."
            : null;
        return problem is not null;
    }

    // The scheme may differ: behind a proxy that does TLS, the browser's origin is https and ours is not.
    private static bool IsThisServer(string origin, string host) =>
        origin.Equals("http://" + host, StringComparison.OrdinalIgnoreCase)
        || origin.Equals("https://" + host, StringComparison.OrdinalIgnoreCase);
}
