using System.Runtime.CompilerServices;
using System.Threading.Channels;
using SseListener.Log;

namespace SseListener.Cluster;

/// <summary>Reads the log as most replicas of the stream hold it, each through a reader of its own. Used once.</summary>
/// <param name="options">How the servers are reached.</param>
/// <param name="watch">Knows how many replicas there are, and how large a message may be.</param>
/// <param name="begin">The sequence behind which to begin.</param>
/// <param name="log">Is told of trouble.</param>
internal sealed class MajorityReader(ClusterOptions options, StreamWatch watch, long begin, LogWriter log)
{
    private readonly Lock _lock = new();
    private readonly Agreement _agreement = new(watch.Replicas, begin);
    private readonly Channel<Copy> _agreed = Channel.CreateUnbounded<Copy>(); // ReplicaReader bounds what waits.
    private readonly Progress _taken = new(begin);

    /// <summary>The messages of the log, until it is told to end. Of those that are lost it says nothing.</summary>
    public async IAsyncEnumerable<Copy> ReadAsync([EnumeratorCancellation] CancellationToken end)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(end);
        var servers = new ConcurrentDictionary<string, ReplicaReader>(StringComparer.Ordinal);
        var readers = Task.WhenAll(Enumerable.Range(0, _agreement.Replicas).Select(replica => ReadAsync(replica, servers, stop.Token)));
        try
        {
            await foreach (var copy in _agreed.Reader.ReadAllAsync(end))
            {
                yield return copy;
                _taken.Reach(copy.Sequence);
            }
        }
        finally
        {
            await stop.CancelAsync();
            await readers;
        }
    }

    private async Task ReadAsync(int replica, ConcurrentDictionary<string, ReplicaReader> servers, CancellationToken stop)
    {
        await using var reader = new ReplicaReader(options, servers, watch.MostBytes, _taken, log);
        await reader.RunAsync(() => Forget(replica), copy => Add(replica, copy), stop);
    }

    private void Forget(int replica)
    {
        lock (_lock)
            _agreement.Forget(replica);
    }

    private void Add(int replica, Copy copy)
    {
        lock (_lock)
        {
            _agreement.Add(replica, copy);
            while (_agreement.TryTake(out var agreed))
                _agreed.Writer.TryWrite(agreed);
        }
    }
}
