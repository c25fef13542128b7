using NATS.Client.JetStream;
using NATS.Client.JetStream.Models;
using SseListener.Events;
using SseListener.Log;

namespace SseListener.Cluster;

/// <summary>
/// Reads the log from its first message on, for as long as the hub runs, judges what it reads, and gives it to the hub in order. When
/// nothing comes although there is something, it begins again behind what it has. A message for another log ends it.
/// </summary>
internal sealed class LogReader(
    NatsJSContext stream, StreamWatch watch, ClusterOptions options, string name, long first, Proposer proposer, ClusterMeter meter,
    LogWriter log, CancellationToken stop)
{
    private const int MostFrames = 100_000; // Of the messages that the judge remembers: some 10 MB.
    private const int MostArrivals = 32; // That wait for the hub, each of up to the servers' max_payload.
    private const int MostDenials = 8; // Over two seconds.
    private const int NoMessage = 10037; // The error code of a server that has none with such a number.
    private static readonly TimeSpan _pause = TimeSpan.FromMilliseconds(250);
    private readonly Judge _judge = new(first, MostFrames);
    private Action? _restart;
    private long _read = first - 1;

    /// <summary>The sequence of the last message that the hub has been given.</summary>
    public long Read => Volatile.Read(ref _read);

    /// <summary>The sequence of the last message that the hub has applied.</summary>
    public Progress Applied { get; } = new(first - 1);

    /// <summary>Reads until the hub stops.</summary>
    /// <param name="arrive">Takes what was read.</param>
    /// <param name="newFrom">The sequence of the first message that had not been stored before the hub was started.</param>
    public async Task RunAsync(Action<Arrived> arrive, long newFrom)
    {
        while (!stop.IsCancellationRequested)
        {
            using var end = CancellationTokenSource.CreateLinkedTokenSource(stop);
            _restart = end.Cancel;
            try
            {
                await ReadAsync(arrive, newFrom, end.Token);
            }
            catch (Exception e) when (ClusterTrouble.Is(e))
            {
                if (!stop.IsCancellationRequested)
                    log.Often(LogLevel.Warning, "reading failed", $"the cluster's log cannot be read: {e.Message}");
            }

            _restart = null;
            await Task.Delay(_pause, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Begins to read again, because nothing comes.</summary>
    public void Restart()
    {
        try
        {
            _restart?.Invoke();
        }
        catch (ObjectDisposedException)
        {
            // It has begun again by itself.
        }
    }

    private async Task ReadAsync(Action<Arrived> arrive, long newFrom, CancellationToken end)
    {
        await SkipLostEndAsync(arrive, end);
        await foreach (var copy in new MajorityReader(options, watch, Read, log).ReadAsync(end))
        {
            if (LogMessage.IsOfOther(name, copy.Headers))
                throw new InvalidDataException($"The stream {options.Stream} is another log.");

            // At most MostArrivals wait for the hub. Lost messages are never applied, so this waits for none beyond Read.
            await Applied.WaitAsync(Math.Min(Read, copy.Sequence - MostArrivals), end);
            _ = GiveAsync(Judge(LogMessage.Read(copy), isNew: copy.Sequence >= newFrom), copy.Sequence, arrive);
            Volatile.Write(ref _read, copy.Sequence);
        }
    }

    // Messages that were deleted, or have become too old, and have none behind them that would tell so. A server that was paused may for a
    // moment take itself for the leader, and not know messages that the others have: only what it says again and again counts.
    private async Task SkipLostEndAsync(Action<Arrived> arrive, CancellationToken end)
    {
        var last = Read;
        for (var denials = 0; denials < MostDenials; denials++)
        {
            var messages = await stream.GetStreamAsync(options.Stream, cancellationToken: end);
            last = (long)messages.Info.State.LastSeq;
            if (last <= Read || await HasNextAsync(messages, end))
                return;

            await Task.Delay(_pause, end);
        }

        Lose(last);
        _ = GiveAsync(new Arrived([], LogPlace.EndOf(last), LogPlace.EndOf(last), [], IsNew: true), last, arrive);
        Volatile.Write(ref _read, last);
    }

    private async Task<bool> HasNextAsync(INatsJSStream messages, CancellationToken end)
    {
        try
        {
            await messages.GetAsync(new StreamMsgGetRequest { Seq = (ulong)(Read + 1), NextBySubj = ">" }, end);
            return true;
        }
        catch (NatsJSApiException e) when (e.Error.ErrCode == NoMessage)
        {
            return false;
        }
    }

    private void Lose(long last)
    {
        log.Warning($"messages {Read + 1} to {last} of the cluster's log are lost: clients are told of a gap");
        _judge.Lose(last);
    }

    private async Task GiveAsync(Arrived arrived, long sequence, Action<Arrived> arrive)
    {
        arrive(arrived);
        await arrived.Answer.Task;
        Applied.Reach(sequence);
        if (arrived.Answers.Count > 0)
            proposer.Settle();
    }

    private Arrived Judge(LogMessage message, bool isNew)
    {
        // Messages are missing where the stream was trimmed faster than it was read, or somebody deleted some.
        var lost = message.Sequence > Read + 1 ? LogPlace.EndOf(message.Sequence - 1) : 0;
        if (lost > 0)
            Lose(message.Sequence - 1);

        var (frames, answers) = (new List<ArrivedFrame>(), new List<(Publish, PublishResult)>());
        var own = message.Hub == proposer.Hub ? proposer.Receive(message.Number) : [];
        var (verdicts, index) = (_judge.Apply(message), 0);
        for (var i = 0; i < verdicts.Count; i++)
        {
            var publish = message.Publishes[i];
            if (verdicts[i] is Verdict.Counts counts)
            {
                foreach (var frame in counts.Frames)
                {
                    var (place, stored) = (LogPlace.Of(message.Sequence, index + frame), publish.Frames[frame]);
                    frames.Add(new ArrivedFrame(place, stored.Channels, message.Time, stored.Bytes));
                }

                meter.CountDuplicates(publish.Frames.Count - counts.Frames.Count);
            }

            if (i < own.Count)
                answers.Add((own[i].Work, AnswerOf(own[i], verdicts[i])));

            lost = verdicts[i] is Verdict.Unknown ? LogPlace.EndOf(message.Sequence) : lost;
            index += publish.Frames.Count;
        }

        return new Arrived(frames, LogPlace.EndOf(message.Sequence), lost, answers, isNew);
    }

    private static PublishResult AnswerOf(Proposal own, Verdict verdict) => verdict switch
    {
        Verdict.Counts => own.Result,
        Verdict.Conflict conflict => new PublishResult.Conflict(conflict.Id),
        Verdict.Ended ended => new PublishResult.Ended(ended.Channel),
        Verdict.Stale => new PublishResult.Stale(),
        _ => new PublishResult.Uncertain(own.Result.Ids),
    };
}
