namespace SseListener.Http;

/// <summary>How a heap is trimmed.</summary>
internal enum Trim
{
    /// <summary>Garbage is collected, mostly beside everything else, so that what waits for finalizers is finalized.</summary>
    Beside,

    /// <summary>It is collected all at once, and gaps are closed. Large arrays, such as the history's, stay where they are.</summary>
    Compact,

    /// <summary>The same, also among large arrays, and memory that is left over goes back to the system.</summary>
    Release,
}
