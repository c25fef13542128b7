namespace SseListener.Http;

/// <summary>How a heap is trimmed.</summary>
internal enum Trim
{
    /// <summary>Garbage is collected beside everything else, which lets go of what waits for finalizers.</summary>
    Beside,

    /// <summary>All at once and without gaps, but large arrays stay where they are: the history may be as large as it likes.</summary>
    Compact,

    /// <summary>The same with large arrays, and what is left over goes back to the system.</summary>
    Release,
}
