using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>
/// SIGKILL under load: every event that was answered with 200 is delivered to every client exactly once, and all get one order.
/// <c>SSE_KILL_ROUNDS</c> says how often; the figures are in the test's output.
/// </summary>
[Platform("Linux")]
public sealed class Killing : IDisposable
{
    private const int Publishers = 4;
    private const int Clients = 3;
    private static readonly int _rounds = int.Parse(Environment.GetEnvironmentVariable("SSE_KILL_ROUNDS") ?? "4", CultureInfo.InvariantCulture);

    private readonly string[] _arguments = ["os", "always"];
    private readonly ConcurrentQueue<string> _answered = new();
    private readonly CancellationTokenSource _end = new();
    private readonly HttpClient _http = new() { Timeout = Wait.Limit };
    private readonly List<string>[] _received = [.. Enumerable.Range(0, Clients).Select(_ => new List<string>())];
    private BuiltProgram? _program;
    private long _attempts;
    private long _resumes;

    [TestCase(0)]
    [TestCase(1)]
    public async Task Every_event_that_was_answered_is_delivered_once_and_in_one_order(int sync)
    {
        using var folder = new TempFolder();
        var port = TestServer.FreePort();
        _http.BaseAddress = new Uri($"http://127.0.0.1:{port}");
        await StartAsync(port, folder, sync);
        var clients = _received.Select(ids => ReceiveAsync(ids)).ToArray();
        using var publishing = new CancellationTokenSource();
        var publishers = Enumerable.Range(0, Publishers).Select(number => PublishAsync(number, publishing.Token)).ToArray();
        for (var round = 0; round < _rounds; round++)
        {
            var enough = _answered.Count + RandomNumberGenerator.GetInt32(20, 300);
            await Wait.UntilAsync(() => _answered.Count >= enough, "nothing is published any more");
            _program!.Signal("KILL");
            await _program.EndAsync();
            _program.Dispose();
            await StartAsync(port, folder, sync);
        }

        await publishing.CancelAsync();
        await Task.WhenAll(publishers);
        var answered = _answered.ToArray();
        await Wait.UntilAsync(
            () => Array.Exists(clients, client => client.IsFaulted) || _received.All(ids => Count(ids) >= answered.Length), "not everything was delivered");
        await _end.CancelAsync();
        await Task.WhenAll(clients);
        await TestContext.Out.WriteLineAsync(
            $"--sync {_arguments[sync]}: {_rounds} kills, {_attempts} publishes tried, {answered.Length} answered, {_resumes} resumes, delivered {string.Join(", ", _received.Select(ids => ids.Count))}, "
            + $"lost {_received.Sum(ids => answered.Except(ids).Count())}, doubled {_received.Sum(ids => ids.Count - ids.Distinct().Count())}");
        foreach (var ids in _received)
        {
            Assert.That(answered.Except(ids), Is.Empty, "lost");
            Assert.That(ids, Is.Unique);
            Assert.That(ids, Is.EqualTo(_received[0]), "another order");
        }
    }

    [TearDown]
    public Task TellWhatWasMissedAsync() => TestContext.Out.WriteLineAsync(string.Join('\n', _received.Select(ids =>
        $"{Count(ids)} of {_answered.Count}, lacks {string.Join(", ", _answered.Except(ids).Take(20))}").Append(_program?.Errors)));

    // Also when the test has failed.
    public void Dispose()
    {
        _program?.Dispose();
        _http.Dispose();
        _end.Dispose();
    }

    private async Task StartAsync(int port, TempFolder folder, int sync)
    {
        _program = BuiltProgram.Start($"--port {port} --data {folder.Path} --sync {_arguments[sync]} --presence-limit 0 --log-level warning");
        await Wait.UntilAsync(() => _program.Output.Contains('>', StringComparison.Ordinal), "it does not listen", TimeSpan.FromSeconds(30));
    }

    // One event after the other, each again and again until it is answered.
    private async Task PublishAsync(int number, CancellationToken end)
    {
        for (var i = 0; !end.IsCancellationRequested; i++)
        {
            var id = string.Create(CultureInfo.InvariantCulture, $"{number}-{i}");
            while (!await TryPublishAsync(id))
                await Task.Delay(20, CancellationToken.None);

            _answered.Enqueue(id);
        }
    }

    private async Task<bool> TryPublishAsync(string id)
    {
        Interlocked.Increment(ref _attempts);
        try
        {
            using var content = new StringContent($$"""{"data":"{{id}}","id":"{{id}}"}""", null, "application/json");
            using var answer = await _http.PostAsync(new Uri("/events", UriKind.Relative), content);
            Assert.That(answer.StatusCode, Is.AnyOf(HttpStatusCode.OK, HttpStatusCode.ServiceUnavailable));
            return answer.StatusCode == HttpStatusCode.OK;
        }
        catch (Exception e) when (e is HttpRequestException or IOException or TaskCanceledException)
        {
            return false;
        }
    }

    private async Task ReceiveAsync(List<string> ids)
    {
        while (!_end.IsCancellationRequested)
        {
            try
            {
                await using var stream = await EventStream.OpenAsync(_http, "/events", ids.Count == 0 ? "earliest" : ids[^1]);
                using var closing = _end.Token.Register(() => stream.DisposeAsync().AsTask().Wait());
                while (await stream.TryNextAsync() is { } item)
                {
                    Assert.That(item.EventType, Is.EqualTo("message"));
                    lock (ids)
                        ids.Add(item.EventId!);
                }
            }
            catch (Exception e) when (e is HttpRequestException or IOException or TaskCanceledException or ObjectDisposedException)
            {
                Interlocked.Increment(ref _resumes);
                await Task.Delay(20);
            }
        }
    }

    private static int Count(List<string> ids)
    {
        lock (ids)
            return ids.Count;
    }
}
