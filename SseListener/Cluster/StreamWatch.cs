using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;
using SseListener.Log;

namespace SseListener.Cluster;

/// <summary>
/// Asks for the stream's state, once a second and when somebody needs it. Only from its answers does a hub know that it hears all there is.
/// A stream with another key, or created at another time, is another log: it has the numbers of this one for other events.
/// </summary>
internal sealed class StreamWatch(
    NatsConnection connection, NatsJSContext stream, ClusterOptions options, LogWriter log, CancellationToken stop)
{
    private const int MostShorter = 3; // Answers in a row that know less than one before: a new leader may for a moment.
    private const int HeaderReserve = 512; // Of the servers' max_payload, for a message's headers.
    private static readonly TimeSpan _every = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(2);
    private readonly Lock _lock = new();
    private Task<StreamInfo?> _current = Task.FromResult<StreamInfo?>(null);
    private Task<StreamInfo?>? _next;
    private StreamInfo? _original;
    private volatile string? _problem;
    private long _heard = Environment.TickCount64;
    private long _last;
    private int _shorter;
    private bool _isOther;

    /// <summary>Why the stream can no longer be used; null while it can, as far as is known.</summary>
    public string? Problem => _problem;

    /// <summary>How long nothing has been heard of the stream.</summary>
    public TimeSpan Silence => TimeSpan.FromMilliseconds(Environment.TickCount64 - Volatile.Read(ref _heard));

    /// <summary>The sequence of its last message, as it was last heard.</summary>
    public long Last => Volatile.Read(ref _last);

    /// <summary>How many servers keep the stream.</summary>
    public int Replicas { get; private set; } = 1;

    /// <summary>Most bytes of a message's body.</summary>
    public int MostBytes { get; private set; } = 1024 * 1024 - HeaderReserve;

    /// <summary>Watches the stream, which is now in this state, until the hub stops.</summary>
    public void Start(StreamInfo original)
    {
        _original = original;
        Hear(original);
        _ = RunAsync();
    }

    /// <summary>Asks for the state as it is after this call; null without an answer. Those who ask at one time share a request.</summary>
    public Task<StreamInfo?> AskAsync()
    {
        lock (_lock)
            return _next ??= AskAfterAsync(_current);
    }

    private async Task RunAsync()
    {
        while (!stop.IsCancellationRequested)
        {
            await AskAsync();
            await Task.Delay(_every, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<StreamInfo?> AskAfterAsync(Task current)
    {
        await Task.Yield();
        await current.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        lock (_lock)
            (_current, _next) = (_next!, null);

        using var end = CancellationTokenSource.CreateLinkedTokenSource(stop);
        end.CancelAfter(_patience);
        try
        {
            var info = (await stream.GetStreamAsync(options.Stream, cancellationToken: end.Token)).Info;
            Hear(info);

            // Who knows less than was known before was paused, and does not know yet that others go on without it.
            return (long)info.State.LastSeq < Last ? null : info;
        }
        catch (NatsJSApiException e) when (e.Error.Code == (int)HttpStatusCode.NotFound)
        {
            // Perhaps only for now: servers that start do not know their streams yet.
            Report($"The stream {options.Stream} does not exist any more.");
        }
        catch (Exception e) when (ClusterTrouble.Is(e))
        {
            if (!stop.IsCancellationRequested)
                log.Often(LogLevel.Warning, "cluster silent", $"the cluster does not answer: {e.Message}");
        }

        return null;
    }

    private void Hear(StreamInfo info)
    {
        var isOther = info.Created != _original!.Created || info.Config.Description != _original.Config.Description;
        _shorter = (long)info.State.LastSeq < Last ? _shorter + 1 : 0;
        _isOther |= isOther || _shorter > MostShorter;
        Report(_isOther
            ? $"The stream {options.Stream} has been created anew, or lost its end, and is another log: this hub has to be restarted."
            : null);
        if (_isOther)
            return;

        Volatile.Write(ref _heard, Environment.TickCount64);
        Volatile.Write(ref _last, Math.Max(_last, (long)info.State.LastSeq));
        Replicas = info.Config.NumReplicas;
        var most = connection.ServerInfo?.MaxPayload ?? 0;
        MostBytes = Math.Max(1024, (info.Config.MaxMsgSize > 0 ? Math.Min(info.Config.MaxMsgSize, most) : most) - HeaderReserve);
    }

    // Only a change is logged.
    private void Report(string? problem)
    {
        if (problem != _problem && problem is not null)
            log.Error($"nothing can be published: {problem}");
        else if (problem != _problem)
            log.Warning("the cluster's stream is there again");

        _problem = problem;
    }
}
