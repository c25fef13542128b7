namespace SseListener.Events;

/// <summary>What became of a batch that was to be stored.</summary>
internal enum Stored
{
    /// <summary>Nothing of it is stored.</summary>
    None,

    /// <summary>All of it is stored.</summary>
    All,

    /// <summary>It failed while it was stored, and could not be taken back: a restart may find it.</summary>
    Unknown,
}
