using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.ServerSentEvents;
using System.Security.Cryptography;
using System.Text;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>
/// SIGKILL and SIGSTOP, under load, of three NATS servers and two hubs: every event that was answered with 200 is delivered to every client
/// once, and all get one order, whichever hub they come back to; an event that was refused with 409 never appears.
/// <c>SSE_KILL_ROUNDS</c> and <c>SSE_KILL_CLIENTS</c> say how often and to how many; the figures are in the test's output.
/// </summary>
[Platform("Linux")]
public sealed class KillingClusters : IDisposable
{
    private const int Publishers = 4;
    private static readonly int _rounds = Setting("SSE_KILL_ROUNDS", 4);
    private static readonly int _clients = Setting("SSE_KILL_CLIENTS", 6);
    private static readonly TimeSpan _longestSilence = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan _longestFault = TimeSpan.FromMinutes(2); // Until all goes on again, on a busy machine.
    private static readonly TimeSpan _pace = TimeSpan.FromMilliseconds(5); // Of a publisher: other tests run beside this one.

    private readonly ConcurrentQueue<string> _answered = new();
    private readonly ConcurrentBag<string> _refused = [];
    private readonly List<string> _said = [];
    private readonly CancellationTokenSource _end = new();
    private readonly HttpClient _http = new() { Timeout = TimeSpan.FromSeconds(10) };
    private readonly int[] _ports = [TestServer.FreePort(), TestServer.FreePort()];
    private readonly BuiltProgram?[] _hubs = new BuiltProgram?[2];
    private readonly List<string>[] _received = [.. Enumerable.Range(0, _clients).Select(_ => new List<string>())];
    private NatsServer[] _nodes = [];
    private long _attempts;
    private long _resumes;
    private long _gaps;

    [Test]
    public async Task Every_event_that_was_answered_is_delivered_once_and_in_one_order()
    {
        _nodes = await NatsServer.StartThreeAsync();
        await Task.WhenAll(StartHubAsync(0), StartHubAsync(1));
        var clients = _received.Select((ids, number) => ReceiveAsync(ids, number)).ToArray();
        using var publishing = new CancellationTokenSource();
        var publishers = Enumerable.Range(0, Publishers).Select(number => PublishAsync(number, publishing.Token)).ToArray();
        var faults = new List<string>();
        for (var round = 0; round < _rounds; round++)
        {
            await GoOnAsync(RandomNumberGenerator.GetInt32(20, 200));
            faults.Add(await CauseFaultAsync(round));
        }

        await GoOnAsync(50);
        await publishing.CancelAsync();
        await Task.WhenAll(publishers);
        var answered = _answered.ToArray();

        // A publish whose answer the end of the test cut off is delivered, too: the number alone does not say that all has come.
        await Wait.UntilAsync(() => HaveAll(_received, answered), "not everything was delivered, or not to all", _longestFault);
        await _end.CancelAsync();
        await Task.WhenAll(clients);

        // What an unanswered publish still brings may have reached some and not yet others when they stopped.
        var common = _received.Min(ids => ids.Count);
        var order = _received[0].Take(common).ToList();
        await TestContext.Out.WriteLineAsync(
            $"{_rounds} faults ({string.Join(", ", faults.CountBy(fault => fault).Select(fault => $"{fault.Value} {fault.Key}"))}), {_attempts} publishes tried, {answered.Length} answered 200, "
            + $"{_refused.Count} refused 409, {_clients} clients, {_resumes} resumes, {_gaps} gaps, lost {_received.Sum(ids => answered.Except(ids).Count())}, "
            + $"doubled {_received.Sum(ids => ids.Count - ids.Distinct().Count())}, reordered {_received.Count(ids => !ids.Take(common).SequenceEqual(order))}");
        Assert.That(_gaps, Is.Zero);
        foreach (var ids in _received)
        {
            Assert.That(answered.Except(ids), Is.Empty, "lost");
            Assert.That(ids, Is.Unique);
            Assert.That(ids.Take(common), Is.EqualTo(order), "another order");
            Assert.That(ids.Intersect(_refused), Is.Empty, "refused, and delivered");
        }
    }

    [TearDown]
    public async Task TellWhatWasMissedAsync()
    {
        var all = _received.SelectMany(ids => ids).ToHashSet();
        foreach (var (client, ids) in _received.Index().Where(received => received.Item.Count != all.Count))
            await TestContext.Out.WriteLineAsync($"client {client} has {ids.Count} of {all.Count}: lacks {string.Join(", ", all.Except(ids).Take(20))}");

        await TestContext.Out.WriteLineAsync($"nobody has {string.Join(", ", _answered.Except(all))}; gaps {_gaps}");
        await TestContext.Out.WriteLineAsync(string.Join('\n', _said.Concat(_hubs.Select(hub => hub?.Errors))));
    }

    // Also when the test has failed.
    public void Dispose()
    {
        foreach (var hub in _hubs)
            hub?.Dispose();

        foreach (var node in _nodes)
            node.Dispose();

        _http.Dispose();
        _end.Dispose();
    }

    private static int Setting(string name, int standard) =>
        int.Parse(Environment.GetEnvironmentVariable(name) ?? standard.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);

    private async Task GoOnAsync(int events)
    {
        var enough = _answered.Count + events;
        await Wait.UntilAsync(() => _answered.Count >= enough, "nothing is published any more", _longestFault);
    }

    // Each kind in turn, of a node or a hub that is drawn.
    private async Task<string> CauseFaultAsync(int round)
    {
        var (node, hub) = (_nodes[RandomNumberGenerator.GetInt32(3)], RandomNumberGenerator.GetInt32(2));
        switch (round % 4)
        {
            case 0:
                await node.KillAsync();
                await GoOnAsync(20);
                await node.StartAgainAsync();
                return "servers killed";
            case 1:
                _hubs[hub]!.Signal("KILL");
                await _hubs[hub]!.EndAsync();
                _said.Add(_hubs[hub]!.Errors);
                _hubs[hub]!.Dispose();
                await StartHubAsync(hub);
                return "hubs killed";
            case 2:
                _hubs[hub]!.Signal("STOP");
                await GoOnAsync(20);
                _hubs[hub]!.Signal("CONT");
                return "hubs paused";
            default:
                node.Signal("STOP");
                await GoOnAsync(20);
                node.Signal("CONT");
                return "servers paused";
        }
    }

    private async Task StartHubAsync(int hub)
    {
        var servers = string.Join(',', _nodes.Select(node => node.Address));
        _hubs[hub] = BuiltProgram.Start(
            $"--port {_ports[hub]} --cluster {servers} --cluster-timeout 5s --presence-limit 0 --heartbeat 500ms --retry 100ms --log-level warning");
        await Wait.UntilAsync(
            () => _hubs[hub]!.HasEnded || _hubs[hub]!.Output.Contains('>', StringComparison.Ordinal), "it does not listen", _longestFault);
        if (_hubs[hub]!.HasEnded)
        {
            // The servers were not ready in time: its supervisor would start it again.
            Assert.That(_hubs[hub]!.Errors, Does.Contain("cluster"));
            _hubs[hub]!.Dispose();
            await StartHubAsync(hub);
        }
    }

    // At whichever hub answers, again with the same id until one says what became of it; now and then the same id for other data elsewhere.
    private async Task PublishAsync(int publisher, CancellationToken end)
    {
        for (var number = 0; !end.IsCancellationRequested; number++)
        {
            var id = string.Create(CultureInfo.InvariantCulture, $"p{publisher}-{number}");
            if (number % 10 == 0)
                await Task.WhenAll(PublishAsync(id, "1", hub: 0, end), PublishAsync(id, "2", hub: 1, end));
            else
                await PublishAsync(id, "0", number, end);

            await Task.Delay(_pace, CancellationToken.None);
        }
    }

    private async Task PublishAsync(string id, string data, int hub, CancellationToken end)
    {
        while (!end.IsCancellationRequested)
        {
            Interlocked.Increment(ref _attempts);
            try
            {
                using var content = new StringContent($$"""{"id":"{{id}}","data":{{data}}}""", Encoding.UTF8, "application/json");
                using var answer = await _http.PostAsync(new Uri($"http://127.0.0.1:{_ports[hub++ % 2]}/events"), content, end);
                if (answer.StatusCode is HttpStatusCode.OK)
                    _answered.Enqueue($"{id} {data}");
                else if (answer.StatusCode is HttpStatusCode.Conflict)
                    _refused.Add($"{id} {data}");

                if (answer.StatusCode is HttpStatusCode.OK or HttpStatusCode.Conflict)
                    return;
            }
            catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
            {
                // The hub is away, or paused.
            }
        }
    }

    // Comes back, to another hub, after each end, after silence, and now and then because it wants to.
    private async Task ReceiveAsync(List<string> ids, int number)
    {
        var (last, hub) = ("earliest", number);
        while (!_end.IsCancellationRequested)
        {
            using var drop = CancellationTokenSource.CreateLinkedTokenSource(_end.Token);
            using var silence = CancellationTokenSource.CreateLinkedTokenSource(drop.Token);
            drop.CancelAfter(RandomNumberGenerator.GetInt32(1000, 20_000));
            try
            {
                silence.CancelAfter(_longestSilence);
                using var request = new HttpRequestMessage(HttpMethod.Get, $"http://127.0.0.1:{_ports[hub++ % 2]}/events");
                request.Headers.TryAddWithoutValidation("Last-Event-ID", last);
                using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, silence.Token);
                await using var stream = new LivelyStream(await response.Content.ReadAsStreamAsync(silence.Token), () => silence.CancelAfter(_longestSilence));
                var parser = SseParser.Create(stream);
                await foreach (var item in parser.EnumerateAsync(silence.Token))
                {
                    last = parser.LastEventId;
                    if (item.EventType == "gap")
                        Interlocked.Increment(ref _gaps);
                    else if (item.EventType == "message")
                        Add(ids, $"{item.EventId} {item.Data}");
                }
            }
            catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException)
            {
                // The hub is away, or paused, or the test's client drops the connection.
            }

            Interlocked.Increment(ref _resumes);
        }
    }

    private static void Add(List<string> ids, string id)
    {
        lock (ids)
            ids.Add(id);
    }

    private static bool HaveAll(List<string>[] received, string[] answered)
    {
        var copies = new List<HashSet<string>>();
        foreach (var ids in received)
        {
            lock (ids)
                copies.Add([.. ids]);
        }

        return copies.TrueForAll(ids => ids.Count == copies[0].Count && ids.IsSupersetOf(answered));
    }
}
