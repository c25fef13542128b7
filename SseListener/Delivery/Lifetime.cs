namespace SseListener.Delivery;

/// <summary>How long a client may listen.</summary>
/// <param name="End">Until when, in milliseconds as <see cref="Environment.TickCount64"/> counts them.</param>
/// <param name="Reason">Why no longer.</param>
internal readonly record struct Lifetime(long End, EndReason Reason)
{
    /// <summary>For ever.</summary>
    public static Lifetime Endless => new(long.MaxValue, EndReason.MaxAge);
}
