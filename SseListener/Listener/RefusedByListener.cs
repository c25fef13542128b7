namespace SseListener.Listener;

/// <summary>
/// Requests that HttpListener has refused by itself, and hands over all the same: a POST or PUT without a length (411), and a
/// transfer coding other than chunked (501). There is nothing left to answer, and they must not publish.
/// </summary>
internal static class RefusedByListener
{
    /// <summary>Whether the request has had its answer already.</summary>
    public static bool Is(HttpListenerRequest request)
    {
        var isChunked = request.ContentLength64 < 0;
        var coding = request.ProtocolVersion >= HttpVersion.Version11 ? request.Headers["Transfer-Encoding"] : null;
        return !isChunked && (coding is not null || (NeedsLength(request.HttpMethod) && request.Headers["Content-Length"] is null));
    }

    private static bool NeedsLength(string method) =>
        method.Equals("POST", StringComparison.OrdinalIgnoreCase) || method.Equals("PUT", StringComparison.OrdinalIgnoreCase);
}
