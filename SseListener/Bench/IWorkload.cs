namespace SseListener.Bench;

/// <summary>Work for a server, and what to measure while the server does it.</summary>
internal interface IWorkload
{
    /// <summary>Its name in the table.</summary>
    string Name { get; }

    /// <summary>What it is, in words.</summary>
    string Description { get; }

    /// <summary>Gives the work to a server and measures it.</summary>
    /// <exception cref="BenchException">The server refuses, or cannot be reached.</exception>
    Measurement Measure(string name, Contender contender);
}
