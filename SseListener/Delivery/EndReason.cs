namespace SseListener.Delivery;

/// <summary>Why a stream ended.</summary>
internal enum EndReason
{
    /// <summary>The client went: its connection is closed, or a write to it failed.</summary>
    Left,

    /// <summary>It read so slowly that what it was to get next has been dropped from history.</summary>
    Lapped,

    /// <summary>What was written to it stayed unfinished, or unacknowledged, for longer than the write timeout.</summary>
    WriteTimeout,

    /// <summary>The token that let it listen has expired.</summary>
    TokenExpired,

    /// <summary>It has been open for as long as streams may be.</summary>
    MaxAge,

    /// <summary>Somebody with the right to do so has ended it.</summary>
    Dismissed,

    /// <summary>The server stops.</summary>
    ServerStop,
}
