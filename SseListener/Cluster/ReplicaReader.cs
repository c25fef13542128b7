using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;
using SseListener.Events;
using SseListener.Log;

namespace SseListener.Cluster;

/// <summary>
/// Reads the messages that one replica of the stream holds. It has a connection of its own, so that it holds up nobody when it is ahead of
/// the others. Readers that share <paramref name="servers"/> each read from another one.
/// </summary>
/// <param name="options">How the servers are reached.</param>
/// <param name="servers">Those that are read from now, and by which reader.</param>
/// <param name="mostBytes">Most of a message.</param>
/// <param name="taken">How far the log has been taken in.</param>
/// <param name="log">Is told of trouble.</param>
internal sealed class ReplicaReader(
    ClusterOptions options, ConcurrentDictionary<string, ReplicaReader> servers, int mostBytes, Progress taken, LogWriter log)
    : IAsyncDisposable
{
    private static readonly TimeSpan _heartbeat = TimeSpan.FromSeconds(1); // Two that do not come are silence.
    private static readonly TimeSpan _expires = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan _pause = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan _shortestPause = TimeSpan.FromMilliseconds(20); // Doubled while only others' servers are found.
    private static readonly TimeSpan _longestPause = TimeSpan.FromSeconds(2);
    private readonly int _mostAhead = Math.Max(4 * 1024 * 1024, 2 * mostBytes); // Bytes that the server sends, or others have not sent yet.
    private readonly NatsConnection _connection = ClusterConnection.Create(options);

    /// <summary>Reads until it is told to end, again behind what has been taken in whenever the server fails or falls silent.</summary>
    /// <param name="begin">Is told that what follows is read again.</param>
    /// <param name="add">Takes each message.</param>
    /// <param name="end">Ends it.</param>
    public async Task RunAsync(Action begin, Action<Copy> add, CancellationToken end)
    {
        for (var pause = _shortestPause; !end.IsCancellationRequested;)
        {
            try
            {
                pause = await ReadAsync(begin, add, end) ? _pause : pause < _longestPause ? pause * 2 : pause;
            }
            catch (Exception e) when (ClusterTrouble.Is(e))
            {
                pause = _pause;
                if (!end.IsCancellationRequested)
                    log.Often(LogLevel.Warning, "reading failed", $"a replica of the cluster's log cannot be read: {e.Message}");
            }

            await Task.Delay(pause, end).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    public ValueTask DisposeAsync() => _connection.DisposeAsync();

    // Whether it could read: the server that the consumer was given may be another reader's.
    private async Task<bool> ReadAsync(Action begin, Action<Copy> add, CancellationToken end)
    {
        using var silent = CancellationTokenSource.CreateLinkedTokenSource(end);
        var stream = new NatsJSContext(_connection);
        var consumer = await stream.CreateOrUpdateConsumerAsync(options.Stream, From(taken.Sequence + 1), end);
        var server = consumer.Info.Cluster?.Leader ?? "";
        if (!servers.TryAdd(server, this))
        {
            await stream.DeleteConsumerAsync(options.Stream, consumer.Info.Name, end);
            return false;
        }

        begin();
        try
        {
            var consume = new NatsJSConsumeOpts
            {
                MaxBytes = _mostAhead,
                IdleHeartbeat = _heartbeat,
                Expires = _expires,
                NotificationHandler = (_, _) => silent.CancelAsync(), // Each tells of trouble.
            };
            await TakeAsync(consumer.ConsumeAsync(NatsRawSerializer<byte[]>.Default, consume, silent.Token), add, silent.Token);
        }
        finally
        {
            // In this order: another reader may be given the server at once, and one replica must not count as two.
            begin();
            servers.TryRemove(server, out _);
        }

        return true;
    }

    private async Task TakeAsync(IAsyncEnumerable<INatsJSMsg<byte[]>> messages, Action<Copy> add, CancellationToken end)
    {
        var (number, bytes, ahead) = (0UL, 0, new Queue<(long Sequence, int Bytes)>());
        await foreach (var message in messages)
        {
            // Those that got lost on their way leave out a number.
            if (message.Metadata is not { } place || place.Sequence.Consumer != ++number)
                return;

            var copy = new Copy((long)place.Sequence.Stream, place.Timestamp.ToUnixTimeMilliseconds(), message.Headers, message.Data ?? []);
            add(copy);
            ahead.Enqueue((copy.Sequence, message.Size));
            bytes += message.Size;
            while (ahead.TryPeek(out var oldest) && (bytes > _mostAhead || oldest.Sequence <= taken.Sequence))
            {
                await taken.WaitAsync(oldest.Sequence, end);
                bytes -= ahead.Dequeue().Bytes;
            }
        }
    }

    // A consumer has one server, and reads what that one holds.
    private static ConsumerConfig From(long sequence) => new()
    {
        Name = NanoId.Generate(),
        NumReplicas = 1,
        MemStorage = true,
        AckPolicy = ConsumerConfigAckPolicy.None,
        DeliverPolicy = ConsumerConfigDeliverPolicy.ByStartSequence,
        OptStartSeq = (ulong)sequence,
    };
}
