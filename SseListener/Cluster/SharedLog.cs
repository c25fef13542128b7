using System.Security.Cryptography;
using NATS.Client.Core;
using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;
using SseListener.Events;
using SseListener.Log;

namespace SseListener.Cluster;

/// <summary>A log that several hubs share: a stream of NATS JetStream, which orders and replicates it.</summary>
[SuppressMessage("Usage", "CA2213:Disposable fields should be disposed", Justification = "What is stopped by it still asks it.")]
internal sealed class SharedLog : IEventLog
{
    // For which a hub may hear nothing, or not get on, before it counts as deaf.
    private static readonly TimeSpan _longestSilence = TimeSpan.FromSeconds(4);
    private static readonly TimeSpan _pause = TimeSpan.FromMilliseconds(250); // Before the servers are asked again.
    private readonly ClusterOptions _options;
    private readonly HubLimits _limits;
    private readonly LogWriter _log;
    private readonly CancellationTokenSource _stop = new();
    private readonly NatsJSContext _stream;
    private readonly StreamWatch _watch;
    private readonly Proposer _proposer;
    private LogReader? _reader;
    private Task _reading = Task.CompletedTask;
    private ArrayBufferWriter<byte> _lines = new();
    private long _lastRead;
    private long _stuckSince;
    private int _restarts;
    private Timer? _check;

    public SharedLog(ClusterOptions options, HubLimits limits, ClusterMeter meter, LogWriter log)
    {
        (_options, _limits, Meter, _log) = (options, limits, meter, log);
        Connection = ClusterConnection.Create(options);
        _stream = new NatsJSContext(Connection);
        _watch = new StreamWatch(Connection, _stream, options, log, _stop.Token);
        _proposer = new Proposer(_stream, _watch, options, meter, log, _stop.Token);
    }

    public NatsConnection Connection { get; }
    public ClusterMeter Meter { get; }
    public bool IsShared => true;
    public long Last { get; private set; }
    public byte[] Key { get; private set; } = [];

    /// <summary>None: no number of the stream is ever lost, so each up to the last one is a place.</summary>
    public IReadOnlyList<long> Starts => [];
    public string? Problem => _watch.Problem
        ?? (_watch.Silence > _longestSilence ? "Nothing is heard of the cluster." : null)
        ?? (_reading.IsFaulted ? "The cluster's log cannot be followed any more: this hub has to be restarted." : null)
        ?? (IsStuck ? "The cluster's log goes on, and cannot be read." : null);

    /// <summary>How many messages are stored and not applied here yet, as far as is known.</summary>
    public long Behind => Math.Max(0, _watch.Last - (_reader?.Applied.Sequence ?? 0));
    public TimeSpan Silence => _watch.Silence;

    private bool IsStuck => Behind > 0 && Environment.TickCount64 - Volatile.Read(ref _stuckSince) > _longestSilence.TotalMilliseconds;

    public bool TryOpen(RestoreFrame restore, Action<HubWork> enqueue, [NotNullWhen(false)] out string? problem)
    {
        problem = Task.Run(() => OpenAsync(enqueue)).GetAwaiter().GetResult();
        return problem is null;
    }

    /// <summary>Hands the batch's publishes over. Each is answered when it comes back, or the cluster's timeout has passed.</summary>
    public ValueTask<Stored> AppendAsync(FrameBatch batch, Action<FrameBatch> apply)
    {
        foreach (var publish in batch.Proposed)
        {
            FrameBatch.Reset(ref _lines);
            LogMessage.Write(_lines, batch, publish);
            var seen = LogPlace.MessageOf(batch.First - 1);
            if (_lines.WrittenCount > _watch.MostBytes || publish.Count > LogPlace.MostFrames)
                publish.Work.Answer.TrySetResult(new PublishResult.TooLarge(_watch.MostBytes));
            else if (_watch.Problem is not null)
                publish.Work.Answer.TrySetResult(new PublishResult.NotStored());
            else
                _proposer.Add(new Proposal(publish.Work, publish.Result, _lines.WrittenSpan.ToArray(), publish.Count, seen));
        }

        return ValueTask.FromResult(Stored.Later);
    }

    public async Task<bool> CatchUpAsync()
    {
        var (began, info) = (Stopwatch.GetTimestamp(), await _watch.AskAsync());
        bool MayAskAgain() =>
            _watch.Problem is null && Stopwatch.GetElapsedTime(began) < _options.Timeout && !_stop.IsCancellationRequested;

        while (info is null && MayAskAgain())
        {
            await Task.Delay(_pause);
            info = await _watch.AskAsync();
        }

        if (info is null || _watch.Problem is not null)
            return false;

        var (applied, target) = (_reader!.Applied, (long)info.State.LastSeq);
        for (var before = -1L; before < applied.Sequence && applied.Sequence < target;)
        {
            before = applied.Sequence;
            using var limit = new CancellationTokenSource(_options.Timeout);
            await applied.WaitAsync(target, limit.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        return applied.Sequence >= target;
    }

    public Task DrainAsync(TimeSpan limit) => _proposer.DrainAsync(limit);

    public void Dispose()
    {
        _stop.Cancel();
        _check?.Dispose();
        _proposer.Dispose();
        _ = Connection.DisposeAsync().AsTask();
    }

    // Null, or why it cannot be opened.
    private async Task<string?> OpenAsync(Action<Arrived> arrive)
    {
        using var limit = new CancellationTokenSource(_options.Timeout);
        var setup = new StreamSetup(_stream, _options, _limits, _log);
        var (info, trouble) = (default(StreamInfo), "there was no answer in time");
        while (info is null && !limit.IsCancellationRequested)
        {
            try
            {
                await Connection.ConnectAsync().AsTask().WaitAsync(limit.Token);
                info = await setup.FindOrCreateAsync(limit.Token);
            }
            catch (NatsJSApiException e) when (e.Error.ErrCode == StreamSetup.StandsAlone)
            {
                return $"The server stands alone, and cannot keep {_options.Replicas} replicas: --cluster-replicas 1 is for one server.";
            }
            catch (Exception e) when (ClusterTrouble.Is(e))
            {
                trouble = e is OperationCanceledException ? trouble : $"{e.Message} {e.InnerException?.Message}".TrimEnd();
                await Task.Delay(_pause, limit.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }

        if (info is null)
            return $"The cluster cannot be used ({string.Join(',', _options.Servers)}): {trouble}";

        if (setup.ProblemOf(info) is { } problem)
            return problem;

        setup.Warn(info, Connection.ServerInfo?.Version ?? "");
        Begin(info, arrive);
        return null;
    }

    private void Begin(StreamInfo info, Action<Arrived> arrive)
    {
        var first = Math.Max(1, (long)info.State.FirstSeq);
        Key = StreamSetup.KeyOf(info)!;
        Last = LogPlace.EndOf(first - 1);

        // Not the key itself, which is a secret of a kind.
        _proposer.Log = Convert.ToHexStringLower(SHA256.HashData(Key))[..16];
        _reader = new LogReader(_stream, _watch, _options, _proposer.Log, first, _proposer, Meter, _log, _stop.Token);
        _watch.Start(info);
        _proposer.Start();
        Volatile.Write(ref _stuckSince, Environment.TickCount64);
        _reading = _reader.RunAsync(arrive, newFrom: (long)info.State.LastSeq + 1);
        _check = new Timer(_ => Check(), state: null, _longestSilence / 4, _longestSilence / 4);
    }

    // When there is something to read, and nothing comes, reading begins again.
    private void Check()
    {
        if (_reading.IsFaulted)
            _log.Often(LogLevel.Error, "reading ended", $"the cluster's log cannot be followed any more: {_reading.Exception}");

        var (read, now) = (_reader!.Read, Environment.TickCount64);
        if (read != _lastRead || Behind == 0)
        {
            (_lastRead, _restarts) = (read, 0);
            Volatile.Write(ref _stuckSince, now);
        }
        else if (now - _stuckSince > _longestSilence.TotalMilliseconds * (_restarts + 1))
        {
            _log.Often(LogLevel.Warning, "reading stuck", "nothing comes of the cluster's log: reading begins again");
            _restarts++;
            _reader.Restart();
        }
    }
}
