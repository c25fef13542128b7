using System.Threading.Channels;
using NATS.Client.Core;
using NATS.Client.JetStream;
using SseListener.Events;
using SseListener.Log;

namespace SseListener.Cluster;

/// <summary>
/// Sends this hub's publishes to the stream: all that wait as one message, and one message at a time, again until it is acknowledged or
/// read back. With several under way the death of a server can change their order. It may be stored twice, which the <see cref="Judge"/>
/// sees. The servers are not asked to (Nats-Msg-Id): they count what they left out, each for itself, and once one of them has counted
/// otherwise its replica stays behind the others for good.
/// </summary>
internal sealed class Proposer(
    NatsJSContext stream, StreamWatch watch, ClusterOptions options, ClusterMeter meter, LogWriter log, CancellationToken stop)
    : IDisposable
{
    private static readonly TimeSpan _pause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan _gathers = TimeSpan.FromMilliseconds(2); // At most.
    private static readonly TimeSpan _check = TimeSpan.FromMilliseconds(100);
    private readonly Lock _lock = new();
    private readonly LinkedList<Proposal> _waiting = [];
    private readonly Dictionary<long, Message> _sent = [];
    private readonly Channel<bool> _signal =
        Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    private TaskCompletionSource? _empty;
    private TaskCompletionSource? _gathered;
    private int _enough; // Publishes, before the next message is composed.
    private Timer? _timer;
    private long _number;
    private int _beingApplied;

    /// <summary>This hub's name among the others, a new one at each start.</summary>
    public string Hub { get; } = NanoId.Generate();

    /// <summary>The log that messages are for; set before the start.</summary>
    public string Log { get; set; } = "";

    public void Start()
    {
        _timer = new Timer(_ => GiveUpLate(), state: null, _check, _check);
        _ = RunAsync();
    }

    /// <summary>Sends a publish with the next message. It is answered when that is read back, or after the cluster's timeout.</summary>
    public void Add(Proposal proposal)
    {
        lock (_lock)
        {
            _waiting.AddLast(proposal);
            if (_waiting.Count == _enough)
                _gathered?.TrySetResult();
        }

        _signal.Writer.TryWrite(true);
    }

    /// <summary>Finds what this hub has sent as the message with this number, now that it has been read back.</summary>
    public IReadOnlyList<Proposal> Receive(long number)
    {
        lock (_lock)
        {
            if (!_sent.Remove(number, out var message))
                return [];

            message.IsDone.TrySetResult();
            _beingApplied++;
            return message.Proposals;
        }
    }

    /// <summary>Says that a message that was found has been applied, and its publishes answered.</summary>
    public void Settle()
    {
        lock (_lock)
        {
            _beingApplied--;
            AnswerDrain();
        }
    }

    /// <summary>Completes when nothing waits or is under way; after the limit that is given up.</summary>
    public async Task DrainAsync(TimeSpan limit)
    {
        var empty = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            _empty = empty;
            AnswerDrain();
        }

        await empty.Task.WaitAsync(limit).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        lock (_lock)
        {
            foreach (var proposal in _waiting.Concat(_sent.Values.SelectMany(message => message.Proposals)))
                proposal.GiveUp();
        }
    }

    public void Dispose() => _timer?.Dispose();

    private async Task RunAsync()
    {
        await foreach (var _ in _signal.Reader.ReadAllAsync(stop))
        {
            while (TryCompose(out var message))
            {
                await SendAsync(message);
                await GatherAsync(message.Proposals.Count);
            }
        }
    }

    // Publishers whose answers a message brought send their next publishes soon. With what waits already these make one message, which
    // costs hubs and servers half of what two cost. A lone publisher never waits for others.
    private async Task GatherAsync(int answered)
    {
        var enough = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
            (_enough, _gathered) = (_waiting.Count + answered, enough);

        if (_enough > 1)
            await enough.Task.WaitAsync(_gathers, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    // As many of those that wait as fit into a message, in their order.
    private bool TryCompose([NotNullWhen(true)] out Message? message)
    {
        lock (_lock)
        {
            var (bytes, frames, proposals) = (0, 0, new List<Proposal>());
            while (_waiting.First?.Value is { } next && (proposals.Count == 0
                || (bytes + next.Lines.Length <= watch.MostBytes && frames + next.Frames <= LogPlace.MostFrames)))
            {
                _waiting.RemoveFirst();
                (bytes, frames) = (bytes + next.Lines.Length, frames + next.Frames);
                proposals.Add(next);
            }

            message = proposals.Count == 0 ? null : new Message(++_number, proposals);
            if (message is not null)
                _sent.Add(message.Number, message);

            return message is not null && !stop.IsCancellationRequested;
        }
    }

    private async Task SendAsync(Message message)
    {
        var (began, body) = (Stopwatch.GetTimestamp(), message.Join());
        while (!message.IsDone.Task.IsCompleted && message.IsAwaited && !stop.IsCancellationRequested)
        {
            var headers = LogMessage.HeadersOf(Log, Hub, message.Number, message.Seen);
            var sending = watch.Problem is { } gone ? Task.FromResult<string?>(gone) : SendAsync(body, headers);
            if (await Task.WhenAny(sending, message.IsDone.Task) == message.IsDone.Task || await sending is not { } problem)
            {
                meter.Appends.Record(Stopwatch.GetElapsedTime(began).TotalSeconds);
                return;
            }

            meter.CountRetry();
            log.Often(LogLevel.Warning, "append failed", $"a message is sent to the cluster again, for it was not acknowledged: {problem}");
            await Task.Delay(_pause, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    // Null, or why it is not known whether it is stored.
    private async Task<string?> SendAsync(byte[] body, NatsHeaders headers)
    {
        try
        {
            var answer = await stream.PublishAsync(options.Subject, body, NatsRawSerializer<byte[]>.Default, opts: null, headers, stop);
            return answer.Error is { } error ? error.Description ?? "no reason" : null;
        }
        catch (Exception e) when (ClusterTrouble.Is(e))
        {
            return e.Message;
        }
    }

    // Publishers are not kept waiting for longer than was said. What nobody waits for any more is not sent again.
    private void GiveUpLate()
    {
        lock (_lock)
        {
            var now = Environment.TickCount64;
            for (var node = _waiting.First; node is not null;)
            {
                var next = node.Next;
                if (IsLate(node.Value, now))
                    _waiting.Remove(node);

                node = next;
            }

            foreach (var (number, message) in _sent)
            {
                message.Proposals.ForEach(proposal => IsLate(proposal, now));
                if (!message.IsAwaited)
                    _sent.Remove(number);
            }

            AnswerDrain();
        }
    }

    private bool IsLate(Proposal proposal, long now)
    {
        var isLate = now - proposal.Work.Since > options.Timeout.TotalMilliseconds;
        if (isLate)
            proposal.GiveUp();

        return isLate;
    }

    private void AnswerDrain()
    {
        if (_waiting.Count == 0 && _sent.Count == 0 && _beingApplied == 0)
            _empty?.TrySetResult();
    }
}
