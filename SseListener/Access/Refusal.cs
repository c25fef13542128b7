namespace SseListener.Access;

/// <summary>Why a request is refused. A method that returns null instead has found nothing wrong, or done what was asked.</summary>
/// <param name="Status">The status of the answer.</param>
/// <param name="Cause">Its name in metrics: one of a few.</param>
/// <param name="Detail">What the answer says: what is wrong and what would be right; of a token only the kind of fault.</param>
internal sealed record Refusal(int Status, string Cause, string Detail)
{
    /// <summary>How to be let in (RFC 6750, section 3), when it is about a token.</summary>
    public string? Challenge { get; private init; }

    /// <summary>What the log says in place of <see cref="Detail"/>.</summary>
    public string Reason { get; private init; } = Detail;

    /// <summary>Whether the client may try again soon.</summary>
    public bool IsForNow { get; private init; }

    /// <summary>Whether the connection ends without an answer.</summary>
    public bool IsUnanswered { get; private init; }
    public string? Allow { get; private init; }

    /// <summary>The ids of events of which nobody knows whether they were published; none for others.</summary>
    public IReadOnlyList<string> Ids { get; private init; } = [];
    public string Title => TitleOf(Status);

    public static Refusal Ambiguous { get; } = OfToken(400, "invalid_request", "ambiguous_token",
        "The request has different tokens in the query and Authorization: Bearer. Send one.", "the request has different tokens");

    public static Refusal Stopping { get; } = Later(503, "stopping", "The server is stopping.");

    /// <summary>Nobody knows what became of a publish. A broken connection says so; the publisher tries again with the same id.</summary>
    public static Refusal Unknown { get; } =
        Later(503, "journal", "The journal failed, and could not take this back.") with { IsUnanswered = true };

    /// <summary>A token may be good, but where the keys are there is no answer.</summary>
    public static Refusal WithoutKeys { get; } = Later(503, "keys",
        "The server cannot read the key that this token names at present, and so cannot tell whether it is good. Try again soon.");

    public static Refusal Uncertain(IReadOnlyList<string> ids)
    {
        var detail = ids.Count == 0 ? "It is not known whether this was done. Send it again."
            : "It is not known whether this was published. Send it again with these ids: then it is published once.";
        return Later(503, "cluster", detail) with { Ids = ids };
    }

    /// <summary>Something is wrong for which the status is name enough.</summary>
    public static Refusal Of(int status, string detail) => new(status, TitleOf(status).ToLowerInvariant().Replace(' ', '_'), detail);

    public static Refusal OfMethod(string allow) => Of(405, $"This resource answers to {allow}.") with { Allow = allow };

    /// <summary>A query parameter is wrong. The log does not name it: where an escape went wrong, a name has a token in it.</summary>
    public static Refusal OfParameter(string detail) =>
        Of(400, detail) with { Reason = "a query parameter is unknown there, or given twice" };

    public static Refusal Later(int status, string cause, string detail) => new(status, cause, detail) { IsForNow = true };

    public static Refusal Foreign(string detail) => Of(403, detail) with { Reason = detail + " --cors lists the origins whose pages may." };

    /// <summary>There is no token. The challenge names no error then, for the client has made none.</summary>
    public static Refusal Missing(string detail, string reason) =>
        new(401, "missing_token", detail) { Challenge = "Bearer realm=\"sse\"", Reason = reason };

    public static Refusal Invalid(string reason) => OfToken(401, "invalid_token", "invalid_token",
        "The token is not good: forged, expired, or for another server. The server's log says why.",
        "the token is not good: " + reason);

    public static Refusal Insufficient(string claim, string reason) => OfToken(403, "insufficient_scope", "insufficient_scope",
        $"The token is good, but gives no right to this: its claim {claim} does not cover all that is asked for.", reason);

    private static Refusal OfToken(int status, string error, string cause, string detail, string reason) =>
        new(status, cause, detail) { Challenge = $"Bearer error=\"{error}\"", Reason = reason };

    // RFC 9110, section 15; .NET has an older name for 413.
    private static string TitleOf(int status)
    {
        using var response = new HttpResponseMessage((HttpStatusCode)status);
        return status == 413 ? "Content Too Large" : response.ReasonPhrase!;
    }
}
