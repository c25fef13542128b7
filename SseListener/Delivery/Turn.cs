namespace SseListener.Delivery;

/// <summary>What is to become of a client after its turn.</summary>
internal enum Turn
{
    /// <summary>It has had what there is for it now.</summary>
    Done,

    /// <summary>There is more to send at once.</summary>
    Again,

    /// <summary>Its stream is over. It says so once.</summary>
    Over,
}
