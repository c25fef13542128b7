namespace SseListener.Bench;

/// <summary>Something to put on a server, and to measure what it does.</summary>
internal interface IWorkload
{
    /// <summary>Its name in the table.</summary>
    string Name { get; }

    /// <summary>What it is, in words.</summary>
    string Description { get; }

    /// <summary>Puts it on a server.</summary>
    /// <exception cref="BenchException">The server refuses, or cannot be reached.</exception>
    Measurement Measure(string name, Contender contender);
}
