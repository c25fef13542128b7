using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.ServerSentEvents;
using System.Text.Json;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>
/// Fifty clients with channels, patterns and rewinds at random, whose connections break again and again, while events are published to one
/// or several channels, kept by rules, and channels end: each gets exactly what is its own, once, in the order of the log.
/// </summary>
public sealed class ManyAtRandom
{
    private const int Clients = 50;
    private const int Publishers = 4;
    private const int Rounds = 150; // Of each publisher.
    private static readonly string[] _names = ["a", "b", "c/1", "c/2", "c/3", "d/1", "d/2", "e/1"];

    private readonly ConcurrentDictionary<string, string[]> _channelsById = new();
    private readonly ConcurrentDictionary<string, long> _begunById = new();
    private readonly ConcurrentDictionary<string, bool> _ended = new();
    private readonly CancellationTokenSource _end = new();

    [TestCase("journal")]
    [TestCase("memory")]
    [TestCase("hubs")]
    public async Task Each_gets_its_own_once_and_in_order(string kind)
    {
        using var folder = new TempFolder();
        using var nats = kind == "hubs" ? await NatsServer.StartAsync() : null;
        await using var first = Start(kind, folder.Path, nats);
        await using var second = kind == "hubs" ? Start(kind, folder.Path, nats) : null;
        TestServer[] servers = second is null ? [first] : [first, second];
        var witness = new Reader(servers, "?channel=a&channel=b&channel=c/*&channel=d/*&channel=e/*&rewind=1000000", seed: 0, drops: false);
        var witnessing = witness.RunAsync(_end.Token);
        var publishing = Task.WhenAll(Enumerable.Range(0, Publishers).Select(number => PublishAsync(servers, number)));
        var readers = new List<Reader>();
        var reading = new List<Task>();
        for (var seed = 1; seed <= Clients; seed++)
        {
            readers.Add(new Reader(servers, QueryOf(new Random(seed)), seed, drops: true));
            reading.Add(readers[^1].RunAsync(_end.Token));
            await Task.Delay(20);
        }

        await publishing;
        foreach (var channel in _names.Except(_ended.Keys).Where(name => name != "e/1"))
            await EndAsync(servers[0], channel);

        var log = await AllAsync(witness);
        foreach (var reader in readers)
            await Wait.UntilAsync(() => IsComplete(reader, log), $"{reader.Query} lacks something");

        await _end.CancelAsync();
        await Task.WhenAll([witnessing, .. reading]);
        foreach (var reader in readers)
            Check(reader, log);
    }

    private static TestServer Start(string kind, string folder, NatsServer? nats) => TestServer.Start(options => options with
    {
        Data = kind == "journal" ? folder : null,
        Cluster = nats is null ? options.Cluster : options.Cluster with { Servers = [nats.Address], Replicas = 1 },
        Keep = [new("c/*", Bytes: null, Age: null, Events: 10_000), new("d/*", 1024 * 1024, TimeSpan.FromHours(1), Events: null), new("b", 512 * 1024, Age: null, Events: null)],
        Retry = TimeSpan.FromMilliseconds(50),
        PresenceLimit = 0,
    });

    private static string QueryOf(Random random)
    {
        string[] all = [.. _names, "c/*", "d/*", "e/*"];
        var topics = Enumerable.Range(0, random.Next(1, 4)).Select(_ => all[random.Next(all.Length)]).Distinct();
        string[] begin = ["", "&rewind=3", "&rewind=1000000", "&rewind=1h"];
        return $"?{string.Join('&', topics.Select(topic => $"channel={topic}"))}{begin[random.Next(begin.Length)]}";
    }

    private async Task PublishAsync(TestServer[] servers, int publisher)
    {
        var random = new Random(1000 + publisher);
        for (var round = 0; round < Rounds; round++)
        {
            var id = string.Create(CultureInfo.InvariantCulture, $"{publisher}-{round}");
            string[] channels = [.. Enumerable.Range(0, random.Next(1, 3)).Select(_ => _names[random.Next(_names.Length)]).Distinct()];
            (_channelsById[id], _begunById[id]) = (channels, Stopwatch.GetTimestamp());
            var body = JsonSerializer.Serialize(new { id, data = 1, channels });
            using var answer = await servers[random.Next(servers.Length)].PostAsync("/events", "application/json", body);
            Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.OK).Or.EqualTo(HttpStatusCode.Conflict));
            if (answer.StatusCode is HttpStatusCode.Conflict)
            {
                Assert.That(channels.Any(_ended.ContainsKey), "only an end is in the way");
                _channelsById.Remove(id, out _);
            }

            // Never all: one goes on.
            if (random.Next(100) == 0 && _names[random.Next(_names.Length)] is var ending && ending != "e/1")
                await EndAsync(servers[random.Next(servers.Length)], ending);
        }
    }

    private async Task EndAsync(TestServer server, string channel)
    {
        _ended[channel] = true;
        using var answer = await server.PostAsync($"/events?channel={channel}&end=1", "text/plain", "");
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.OK));
    }

    // Of each event its channels, of an end its own, in the order of the log.
    private async Task<List<(string Id, string[] Channels)>> AllAsync(Reader witness)
    {
        await Wait.UntilAsync(
            () => witness.Received.Count(item => item.Ended is null) == _channelsById.Count && witness.Received.Count(item => item.Ended is not null) == _names.Length - 1,
            "not everything comes");
        return [.. witness.Received.Select(item => (item.Id, item.Ended is null ? _channelsById[item.Id] : [item.Ended]))];
    }

    private static bool IsComplete(Reader reader, List<(string Id, string[] Channels)> log)
    {
        var last = log.FindLast(entry => entry.Channels.Any(reader.Hears));
        return (last.Id is null || reader.Received.Any(item => item.Id == last.Id)) && (reader.IsOver || !reader.IsToEnd);
    }

    private void Check(Reader reader, List<(string Id, string[] Channels)> log)
    {
        var received = reader.Received.Select(item => item.Id).ToList();
        var own = log.Where(entry => entry.Channels.Any(reader.Hears)).ToList();
        var places = received.ConvertAll(id => own.FindIndex(entry => entry.Id == id));
        Assert.That(places, Is.Ordered.Ascending.And.Unique.And.All.Not.Negative, $"{reader.Query}: {string.Join(' ', places)}");

        // All of it if it began at the beginning, and otherwise what was published after it had come.
        var isWhole = reader.Query.Contains("rewind=1", StringComparison.Ordinal);
        var certain = own.Where(entry => isWhole || _begunById.GetValueOrDefault(entry.Id) > reader.CameAt).Select(entry => entry.Id);
        Assert.That(certain, Is.SubsetOf(received), reader.Query);
        Assert.That(reader.Gaps, Is.Zero);
        Assert.That(reader.IsOver, Is.EqualTo(reader.IsToEnd));
    }

    /// <summary>A client that comes back with its last id, to any hub, until it is told that all is over.</summary>
    private sealed class Reader(TestServer[] servers, string query, int seed, bool drops)
    {
        private readonly Random _random = new(seed);
        private string _last = "";
        private readonly string[] _topics = [.. query.TrimStart('?').Split('&').Where(part => part.StartsWith("channel=", StringComparison.Ordinal)).Select(part => part[8..])];

        public string Query => query;
        public ConcurrentQueue<(string Id, string? Ended)> Received { get; } = new();
        public int Gaps { get; private set; }

        /// <summary>When it was greeted for the first time.</summary>
        public long CameAt { get; private set; }
        public bool IsOver { get; private set; }

        /// <summary>Whether all of its channels end.</summary>
        public bool IsToEnd => !Array.Exists(_topics, topic => topic.EndsWith('*') || topic == "e/1");

        public bool Hears(string channel) => Array.Exists(_topics, topic => topic == channel || (topic.EndsWith('*') && channel.StartsWith(topic[..^1], StringComparison.Ordinal)));

        public async Task RunAsync(CancellationToken end)
        {
            while (!end.IsCancellationRequested && !IsOver)
            {
                using var drop = CancellationTokenSource.CreateLinkedTokenSource(end);
                if (drops)
                    drop.CancelAfter(_random.Next(50, 600));

                try
                {
                    await ReadAsync(drop.Token);
                }
                catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException)
                {
                    // Its connection broke.
                }
            }
        }

        private async Task ReadAsync(CancellationToken end)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/events" + query);
            request.Headers.TryAddWithoutValidation("Last-Event-ID", _last);
            using var response = await servers[_random.Next(servers.Length)].Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, end);
            IsOver = response.StatusCode is HttpStatusCode.NoContent;
            var parser = SseParser.Create(await response.Content.ReadAsStreamAsync(end));
            await foreach (var item in parser.EnumerateAsync(end))
            {
                CameAt = CameAt == 0 ? Stopwatch.GetTimestamp() : CameAt;
                _last = parser.LastEventId;
                Gaps += item.EventType == "gap" ? 1 : 0;
                if (item.EventType is "message")
                    Received.Enqueue((item.EventId!, null));
                else if (item.EventType is "end")
                    Received.Enqueue((item.EventId!, JsonDocument.Parse(item.Data).RootElement.GetProperty("ended").GetString()));
            }
        }
    }
}
