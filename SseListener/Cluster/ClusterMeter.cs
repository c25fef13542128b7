using System.Diagnostics.Metrics;
using NATS.Client.Core;

namespace SseListener.Cluster;

/// <summary>What is measured of a shared log. Any thread counts and reads.</summary>
/// <param name="appends">How long it takes until a message is stored, in seconds.</param>
internal sealed class ClusterMeter(Histogram<double> appends)
{
    private long _retries;
    private long _duplicates;

    public Histogram<double> Appends => appends;

    /// <summary>How often a message was sent again.</summary>
    public long Retries => Volatile.Read(ref _retries);

    /// <summary>Events that were stored twice, because a hub sent them again or two hubs were sent them.</summary>
    public long Duplicates => Volatile.Read(ref _duplicates);

    public void CountRetry() => Interlocked.Increment(ref _retries);
    public void CountDuplicates(int count) => Interlocked.Add(ref _duplicates, count);
}

/// <summary>What goes wrong with servers that are away, paused, stopping or without a majority.</summary>
internal static class ClusterTrouble
{
    public static bool Is(Exception exception) =>
        exception is NatsException or OperationCanceledException or IOException or SocketException or TimeoutException
            or InvalidOperationException;
}
