namespace SseListener.Delivery;

/// <summary>What lanes keep to.</summary>
internal sealed record LaneOptions
{
    /// <summary>How long a client may be without a write before it gets a comment.</summary>
    public required TimeSpan Heartbeat { get; init; }

    /// <summary>How long a send may stay under way.</summary>
    public required TimeSpan WriteTimeout { get; init; }

    /// <summary>Most clients of a channel that are told who comes and goes; 0 for none.</summary>
    public int PresenceLimit { get; init; }

    /// <summary>Gives the id of a place in the log.</summary>
    public Func<long, string> PositionOf { get; init; } = _ => "";
}
