namespace SseListener.Http;

/// <summary>Why a request is not granted.</summary>
/// <param name="Status">The status of the answer.</param>
/// <param name="Cause">What it is called in metrics: one of a few names.</param>
/// <param name="Detail">What the answer says: of tokens no more than the code.</param>
internal sealed record Refusal(int Status, string Cause, string Detail)
{
    /// <summary>The error code (RFC 6750, section 3.1), when it is about a token.</summary>
    public string? Error { get; private init; }

    /// <summary>What the log says.</summary>
    public string Reason { get; private init; } = Detail;

    /// <summary>Whether it may be tried again soon.</summary>
    public bool IsForNow { get; private init; }

    /// <summary>There are two tokens, and they differ.</summary>
    public static Refusal Ambiguous { get; } = OfToken(400, "invalid_request", "ambiguous_token", "the request has different tokens");

    /// <summary>The server is about to end.</summary>
    public static Refusal Stopping { get; } = Later(503, "stopping", "The server is stopping.");

    /// <summary>A token is needed.</summary>
    public static Refusal Missing(string reason) => OfToken(401, "invalid_request", "missing_token", reason);

    /// <summary>The token is not good.</summary>
    public static Refusal Invalid(string reason) => OfToken(401, "invalid_token", "invalid_token", "the token is not good: " + reason);

    /// <summary>The token is good, but not for this.</summary>
    public static Refusal Insufficient(string reason) => OfToken(403, "insufficient_scope", "insufficient_scope", reason);

    /// <summary>There is no room at the moment.</summary>
    public static Refusal Later(int status, string cause, string detail) => new(status, cause, detail) { IsForNow = true };

    /// <summary>It is about something else, which the answer may say.</summary>
    public static Refusal Forbidden(string detail) => new(403, "forbidden", detail);

    private static Refusal OfToken(int status, string error, string cause, string reason) =>
        new(status, cause, error) { Error = error, Reason = reason };
}
