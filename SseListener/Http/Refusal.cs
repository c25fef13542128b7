namespace SseListener.Http;

/// <summary>Why a request is not granted.</summary>
/// <param name="Status">The status of the answer.</param>
/// <param name="Detail">What the answer says: of tokens no more than the code.</param>
/// <param name="Error">The error code (RFC 6750, section 3.1), when it is about a token.</param>
/// <param name="Reason">What the log says.</param>
/// <param name="IsForNow">Whether it may be tried again soon.</param>
internal sealed record Refusal(int Status, string Detail, string? Error, string Reason, bool IsForNow = false)
{
    /// <summary>It is about the request's token.</summary>
    public static Refusal OfToken(int status, string error, string reason) => new(status, error, error, reason);

    /// <summary>A token is needed.</summary>
    public static Refusal Missing(string reason) => OfToken(401, "invalid_request", reason);

    /// <summary>The token is not good.</summary>
    public static Refusal Invalid(string reason) => OfToken(401, "invalid_token", "the token is not good: " + reason);

    /// <summary>The token is good, but not for this.</summary>
    public static Refusal Insufficient(string reason) => OfToken(403, "insufficient_scope", reason);

    /// <summary>There are two tokens, and they differ.</summary>
    public static Refusal Ambiguous { get; } = OfToken(400, "invalid_request", "the request has different tokens");

    /// <summary>There is no room at the moment.</summary>
    public static Refusal Later(int status, string detail) => new(status, detail, null, detail, IsForNow: true);

    /// <summary>It is about something else, which the answer may say.</summary>
    public static Refusal Forbidden(string detail) => new(403, detail, null, detail);
}
