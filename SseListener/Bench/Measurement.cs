namespace SseListener.Bench;

/// <summary>What one workload did with one server. Null is what cannot be seen of it.</summary>
/// <param name="Contender">The server's name.</param>
/// <param name="Workload">The workload's name.</param>
/// <param name="Clients">Subscribers.</param>
/// <param name="Events">Events, each of which every subscriber is to get.</param>
/// <param name="ConnectSeconds">From the first connect until all subscribers had a stream.</param>
/// <param name="Seconds">From the first publish, or the first resume, until the last delivery.</param>
/// <param name="Delivered">Deliveries.</param>
/// <param name="DeliveriesPerSecond">Deliveries a second.</param>
/// <param name="BytesPerSecond">Bytes received a second.</param>
/// <param name="CpuMicroseconds">The server's CPU time for each delivery; for each event, where nobody subscribes.</param>
/// <param name="LatencyP50">Milliseconds from publishing to delivery that half of the deliveries do not exceed.</param>
/// <param name="LatencyP99">Those that 99 of 100 do not exceed.</param>
/// <param name="LatencyMax">The longest.</param>
/// <param name="MemoryPerClient">Bytes by which the server grew for each subscriber.</param>
/// <param name="Lost">Deliveries that never came.</param>
/// <param name="Doubled">Deliveries that came again.</param>
/// <param name="Disordered">Deliveries that came after a later one.</param>
/// <param name="IsSaturated">Whether the bench itself took most of a machine that had nothing left.</param>
internal sealed record Measurement(
    string Contender,
    string Workload,
    int Clients,
    int Events,
    double ConnectSeconds,
    double Seconds,
    long Delivered,
    double DeliveriesPerSecond,
    double BytesPerSecond,
    double? CpuMicroseconds,
    double LatencyP50,
    double LatencyP99,
    double LatencyMax,
    double? MemoryPerClient,
    long Lost,
    long Doubled,
    long Disordered,
    bool IsSaturated)
{
    private const double Saturated = 0.95;

    /// <summary>Events published a second.</summary>
    public double EventsPerSecond => Events / Seconds;

    /// <summary>The measurement of publishers without subscribers.</summary>
    /// <param name="name">The server's name.</param>
    /// <param name="workload">What was put on it.</param>
    /// <param name="seconds">How long it took.</param>
    /// <param name="cpu">The server's CPU time, in seconds.</param>
    /// <param name="bench">The bench's own CPU time, in seconds.</param>
    public static Measurement OfPublishing(string name, PublishWorkload workload, double seconds, double? cpu, double bench)
    {
        var events = workload.Connections * workload.Events;
        return new Measurement(name, workload.Name, 0, events, 0, seconds, 0, 0, 0, cpu * 1e6 / events, 0, 0, 0, null, 0, 0, 0, Saturates(bench, cpu, seconds));
    }

    /// <summary>Whether the bench took most of a machine that had nothing left; all in seconds.</summary>
    public static bool Saturates(double bench, double? cpu, double seconds) =>
        bench > (cpu ?? 0) && bench + (cpu ?? 0) > Saturated * seconds * Environment.ProcessorCount;

    /// <summary>Whether every subscriber got every event once and in order.</summary>
    public bool IsFaultless => Lost == 0 && Doubled == 0 && Disordered == 0;
}
