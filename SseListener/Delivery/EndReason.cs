namespace SseListener.Delivery;

/// <summary>Why a stream ended.</summary>
internal enum EndReason
{
    /// <summary>The client went: its connection is closed, or a write to it failed.</summary>
    Left,

    /// <summary>It read so slowly that what it was to get next has been dropped from history.</summary>
    Lapped,

    /// <summary>It took nothing of what was written to it, or acknowledged nothing, for longer than the write timeout.</summary>
    WriteTimeout,

    /// <summary>It sent more behind its request than anybody has a reason to.</summary>
    SentMore,

    /// <summary>The token that let it listen has expired.</summary>
    TokenExpired,

    /// <summary>It has been open for as long as streams may be.</summary>
    MaxAge,

    /// <summary>Somebody with the right to do so has ended it.</summary>
    Dismissed,

    /// <summary>The server stops.</summary>
    ServerStop,
}

/// <summary>What an end is to look like.</summary>
internal static class EndReasons
{
    /// <summary>Whether the server ends the stream on purpose: its client is to see a whole response, not one that broke off.</summary>
    public static bool IsOnPurpose(this EndReason reason) =>
        reason is EndReason.TokenExpired or EndReason.MaxAge or EndReason.Dismissed or EndReason.ServerStop;
}
