namespace SseListener.Delivery;

/// <summary>Why a stream ended.</summary>
internal enum EndReason
{
    /// <summary>The client closed its connection, or a write to it failed.</summary>
    Left,

    /// <summary>It read so slowly that history has dropped its next event.</summary>
    Lapped,

    /// <summary>It took or acknowledged nothing of a write for longer than the write timeout.</summary>
    WriteTimeout,

    /// <summary>It sent too much behind its request.</summary>
    SentMore,

    TokenExpired,
    MaxAge,

    /// <summary>An operator ended it.</summary>
    Dismissed,
    ServerStop,
}

/// <summary>What a client sees of an end.</summary>
internal static class EndReasons
{
    /// <summary>Whether the server ends the stream on purpose: its client then sees a complete response, not one that broke off.</summary>
    public static bool IsOnPurpose(this EndReason reason) =>
        reason is EndReason.TokenExpired or EndReason.MaxAge or EndReason.Dismissed or EndReason.ServerStop;
}

/// <summary>How long a client may listen.</summary>
/// <param name="End">Until when, in milliseconds of <see cref="Environment.TickCount64"/>.</param>
/// <param name="Reason">Why no longer.</param>
internal readonly record struct Lifetime(long End, EndReason Reason)
{
    /// <summary>For ever.</summary>
    public static Lifetime Endless => new(long.MaxValue, EndReason.MaxAge);
}
