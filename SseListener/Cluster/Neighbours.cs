using System.Threading.Channels;
using NATS.Client.Core;
using SseListener.Events;
using SseListener.Log;

namespace SseListener.Cluster;

/// <summary>
/// What hubs tell each other beside the log: who joins and leaves, how many clients their channels have, and which client is to be
/// dismissed. A message may be lost, so each hub also says all its numbers every few seconds. One that has been silent for
/// <see cref="_longestSilence"/> has no clients any more: when it died, they went elsewhere.
/// </summary>
[SuppressMessage("Design", "CA1001:Types that own disposable fields should be disposable", Justification = "Tasks that stop still ask it.")]
internal sealed class Neighbours(SharedLog log, ClusterOptions options, LogWriter output)
{
    private const int MostNews = 2000; // Joins and leaves that wait to be told; more are made good by the numbers.
    private const int LinesOfMessage = 2000; // Of numbers, each of up to some 220 bytes.
    private const int MostQuestions = 64; // Under way at a time, however many strangers ask who is there.
    private static readonly TimeSpan _every = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan _longestSilence = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(2);
    private readonly string _hub = NanoId.Generate();
    private readonly ClientCounts _counts = new(_longestSilence);
    private readonly CancellationTokenSource _stop = new();
    private int _questions;
    private readonly Channel<string> _news =
        Channel.CreateBounded<string>(new BoundedChannelOptions(MostNews) { FullMode = BoundedChannelFullMode.DropWrite });

    /// <summary>How many clients other hubs have on a channel, as far as is known.</summary>
    public int ClientsOf(string channel) => _counts.Of(channel);

    /// <summary>Finds names of channels that other hubs have clients on, in order.</summary>
    /// <inheritdoc cref="ChannelNames.Find" path="/param"/>
    public List<string> FindNames(string prefix, string from, int most) => _counts.FindNames(prefix, from, most);

    /// <summary>Tells the other hubs that a client has joined or left, and how many there are here now. It does not wait.</summary>
    public void Announce(string client, string? user, bool hasJoined, IEnumerable<(string Channel, int Clients)> counts)
    {
        var kind = hasJoined ? PresenceKind.Join : PresenceKind.Leave;
        _news.Writer.TryWrite(new PresenceMessage(_hub, kind, client, user, [.. counts]).ToString());
    }

    /// <summary>Listens to the other hubs until the hub stops.</summary>
    /// <param name="tell">Is told who has joined or left elsewhere.</param>
    /// <param name="count">Counts this hub's clients by channel.</param>
    /// <param name="dismiss">Ends a client's stream, if it is here and the token allows that.</param>
    /// <param name="attend">Tells who is on a channel here.</param>
    public void Start(
        Func<PresenceMessage, Task> tell, Func<Task<IReadOnlyList<(string Channel, int Clients)>>> count,
        Func<string, string, Task<Dismissal>> dismiss, Func<string, Task<Attendance>> attend)
    {
        _ = GoOnAsync(() => HearQuestionsAsync(attend));
        _ = GoOnAsync(() => SendNewsAsync());
        _ = GoOnAsync(() => SendNumbersAsync(count));
        _ = GoOnAsync(() => HearAsync(tell, count));
        _ = GoOnAsync(() => HearDismissalsAsync(dismiss));
    }

    /// <summary>Asks the other hubs to end a client's stream.</summary>
    public async Task<Dismissal> DismissAsync(string client, string token)
    {
        var (asked, answered, found) = (_counts.Hubs, 0, Dismissal.NotHere);
        var isAsked = await AskAsync(options.DismissSubject, $"{_hub} {client} {token}", answer =>
        {
            answered++;
            return Enum.TryParse(answer, out found) && found is not Dismissal.NotHere;
        });
        return !isAsked || (found is Dismissal.NotHere && answered < asked) ? Dismissal.Unknown : found;
    }

    /// <summary>Asks the other hubs who is on a channel. Of one that does not answer only the number of its clients is known.</summary>
    public async Task<IReadOnlyList<Attendance>> AskWhoIsOnAsync(string channel)
    {
        var (silent, answers) = (_counts.ByHub(channel), new List<Attendance>());
        bool HasAll(string? answer)
        {
            if (AttendanceMessage.TryParse(answer, out var heard))
            {
                answers.Add(heard.Attendance);
                silent.Remove(heard.Hub);
            }

            return silent.Count == 0;
        }

        if (Interlocked.Increment(ref _questions) <= MostQuestions && silent.Count > 0)
            await AskAsync(options.AttendanceSubject, $"{_hub} {channel}", HasAll);

        Interlocked.Decrement(ref _questions);
        return [.. answers, .. silent.Values.Select(clients => new Attendance(clients, Users: 0, []))];
    }

    // Hears the other hubs' answers, until one is enough or all have answered, for a while; false when they cannot be asked.
    private async Task<bool> AskAsync(string subject, string question, Func<string?, bool> isEnough)
    {
        var asked = _counts.Hubs;
        if (log.Problem is not null || asked == 0)
            return log.Problem is null;

        // Also for the connection, which may be away.
        using var end = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        end.CancelAfter(_patience * 2);
        var limit = new NatsSubOpts { MaxMsgs = asked, Timeout = _patience };
        try
        {
            await foreach (var answer in log.Connection.RequestManyAsync<string, string>(
                subject, question, replyOpts: limit, cancellationToken: end.Token))
            {
                if (isEnough(answer.Data))
                    break;
            }

            return true;
        }
        catch (Exception e) when (ClusterTrouble.Is(e))
        {
            return false;
        }
    }

    /// <summary>Says that this hub has no clients any more.</summary>
    public async Task StopAsync()
    {
        _news.Writer.TryComplete();
        await SendAsync(new PresenceMessage(_hub, PresenceKind.Gone, "-", User: null, []).ToString());
        await _stop.CancelAsync();
    }

    // Until the stop, whatever goes wrong in between.
    private async Task GoOnAsync(Func<Task> work)
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await work();
            }
            catch (Exception e) when (ClusterTrouble.Is(e))
            {
                if (!_stop.IsCancellationRequested)
                    output.Often(LogLevel.Debug, "neighbours", $"the other hubs cannot be heard or told: {e.Message}");
            }

            await Task.Delay(_every / 3, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task SendNewsAsync()
    {
        await foreach (var news in _news.Reader.ReadAllAsync(_stop.Token))
            await SendAsync(news);
    }

    private async Task SendNumbersAsync(Func<Task<IReadOnlyList<(string Channel, int Clients)>>> count)
    {
        while (!_stop.IsCancellationRequested)
        {
            await TellNumbersAsync(count);
            _counts.ForgetSilent(Environment.TickCount64);
            await Task.Delay(_every, _stop.Token);
        }
    }

    private async Task TellNumbersAsync(Func<Task<IReadOnlyList<(string Channel, int Clients)>>> count)
    {
        foreach (var (index, part) in (await count()).Chunk(LinesOfMessage).DefaultIfEmpty([]).Index())
            await SendAsync(new PresenceMessage(_hub, PresenceKind.Numbers, index == 0 ? "first" : "more", User: null, part).ToString());

        await SendAsync(new PresenceMessage(_hub, PresenceKind.NumbersEnd, "-", User: null, []).ToString());
    }

    private ValueTask SendAsync(string message) =>
        log.Connection.PublishAsync(options.PresenceSubject, message, cancellationToken: _stop.Token);

    private async Task HearAsync(Func<PresenceMessage, Task> tell, Func<Task<IReadOnlyList<(string Channel, int Clients)>>> count)
    {
        await foreach (var message in log.Connection.SubscribeAsync<string>(options.PresenceSubject, cancellationToken: _stop.Token))
        {
            if (PresenceMessage.TryParse(message.Data, out var heard) && heard.Hub != _hub)
            {
                // One that has just come does not know the numbers of this hub yet.
                if (_counts.Hear(heard, Environment.TickCount64))
                    await TellNumbersAsync(count);

                if (heard.Kind is PresenceKind.Join or PresenceKind.Leave)
                    await tell(heard);
            }
        }
    }

    private async Task HearQuestionsAsync(Func<string, Task<Attendance>> attend)
    {
        await foreach (var message in log.Connection.SubscribeAsync<string>(options.AttendanceSubject, cancellationToken: _stop.Token))
        {
            if (message.Data?.Split(' ') is [var hub, var channel] && hub != _hub && ChannelNames.IsName(channel))
                await message.ReplyAsync(new AttendanceMessage(_hub, await attend(channel)).ToString(), cancellationToken: _stop.Token);
        }
    }

    private async Task HearDismissalsAsync(Func<string, string, Task<Dismissal>> dismiss)
    {
        await foreach (var message in log.Connection.SubscribeAsync<string>(options.DismissSubject, cancellationToken: _stop.Token))
        {
            if (message.Data?.Split(' ', 3) is [var hub, var client, var token] && hub != _hub)
                await message.ReplyAsync((await dismiss(client, token)).ToString(), cancellationToken: _stop.Token);
        }
    }
}

/// <summary>What became of a request to end a client's stream; unknown when not all hubs have answered.</summary>
internal enum Dismissal { NotHere, Dismissed, Forbidden, Unknown }
