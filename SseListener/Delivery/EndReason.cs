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

/// <summary>Until when a client may listen, in milliseconds of <see cref="Environment.TickCount64"/>, and why no longer.</summary>
internal readonly record struct Lifetime(long End, EndReason Reason);
