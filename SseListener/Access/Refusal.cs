namespace SseListener.Access;

/// <summary>Why a request is not granted.</summary>
/// <param name="Status">The status of the answer.</param>
/// <param name="Cause">What it is called in metrics: one of a few names.</param>
/// <param name="Detail">What the answer says: of tokens no more than of what kind the fault is.</param>
internal sealed record Refusal(int Status, string Cause, string Detail)
{
    /// <summary>The error code (RFC 6750, section 3.1), when it is about a token.</summary>
    public string? Error { get; private init; }

    /// <summary>What the log says.</summary>
    public string Reason { get; private init; } = Detail;

    /// <summary>Whether it may be tried again soon.</summary>
    public bool IsForNow { get; private init; }

    /// <summary>Whether the connection ends without an answer.</summary>
    public bool IsUnanswered { get; private init; }

    /// <summary>There are two tokens, and they differ.</summary>
    public static Refusal Ambiguous { get; } = OfToken(
        400,
        "invalid_request",
        "ambiguous_token",
        "The request has different tokens in the query and Authorization: Bearer. Send one.",
        "the request has different tokens");

    /// <summary>The server is about to end.</summary>
    public static Refusal Stopping { get; } = Later(503, "stopping", "The server is stopping.");

    /// <summary>
    /// Nobody can know what has become of it, and a connection that breaks says just that: whoever publishes is to try again with the same id.
    /// </summary>
    public static Refusal Unknown { get; } = Later(503, "journal", "The journal failed, and could not take this back.") with { IsUnanswered = true };

    /// <summary>A token is needed.</summary>
    public static Refusal Missing(string detail, string reason) => OfToken(401, "invalid_request", "missing_token", detail, reason);

    /// <summary>The token is not good.</summary>
    public static Refusal Invalid(string reason) => OfToken(
        401,
        "invalid_token",
        "invalid_token",
        "The token is not good: forged, expired, or for another server. The server's log says why.",
        "the token is not good: " + reason);

    /// <summary>The token is good, but not for this.</summary>
    public static Refusal Insufficient(string reason) => OfToken(
        403,
        "insufficient_scope",
        "insufficient_scope",
        "The token is good, but gives no right to this: its claim sse does not cover all that is asked for.",
        reason);

    /// <summary>There is no room at the moment.</summary>
    public static Refusal Later(int status, string cause, string detail) => new(status, cause, detail) { IsForNow = true };

    /// <summary>It is about something else, which the answer may say.</summary>
    public static Refusal Forbidden(string detail) => new(403, "forbidden", detail);

    /// <summary>It comes from a page of another site, and the operator may want to know what would let it in.</summary>
    public static Refusal Foreign(string detail) =>
        Forbidden(detail) with { Reason = detail + " --cors lists the origins whose pages may." };

    /// <summary>A query parameter is wrong. The log does not name it: where an escape went wrong, a name has a token in it.</summary>
    public static Refusal OfParameter(string detail) =>
        new(400, "bad_request", detail) { Reason = "a query parameter is unknown there, or given twice" };

    private static Refusal OfToken(int status, string error, string cause, string detail, string reason) =>
        new(status, cause, detail) { Error = error, Reason = reason };
}
