namespace SseListener.Bench;

/// <summary>
/// What one server did with one workload. The server's CPU time is in microseconds for each delivery, or for each event where nobody
/// subscribes; latencies, from the publish to the delivery, are in milliseconds; memory is in bytes. What the bench cannot see is null.
/// </summary>
internal sealed record Measurement(
    string Contender,
    string Workload,
    int Clients,
    int Events,
    double Seconds,
    double? CpuMicroseconds,
    bool IsSaturated,
    double ConnectSeconds = 0,
    long Delivered = 0,
    double BytesPerSecond = 0,
    double LatencyP50 = 0,
    double LatencyP99 = 0,
    double LatencyMax = 0,
    double? MemoryPerClient = null,
    long Lost = 0,
    long Doubled = 0,
    long Disordered = 0)
{
    public double DeliveriesPerSecond => Delivered / Seconds;

    public double EventsPerSecond => Events / Seconds;

    /// <summary>Whether every subscriber got every event once and in order.</summary>
    public bool IsFaultless => Lost == 0 && Doubled == 0 && Disordered == 0;
}
