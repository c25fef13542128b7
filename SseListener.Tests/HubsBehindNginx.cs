using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using SseListener.Http;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>Two hubs behind nginx with the configuration of <c>SseListener/Deploy</c>: one may go at any time.</summary>
public sealed class HubsBehindNginx
{
    private const string Token = "the-publish-token";
    private const int Sources = 4;
    private const int Streams = 6;

    // Each writes what it receives. They do not know who has signed nginx's certificate.
    private const string Script = """
        process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
        const { EventSource } = await import('eventsource');
        const [url, count] = process.argv.slice(2);
        for (let i = 0; i < count; i++) {
          const source = new EventSource(url);
          source.onopen = () => console.log(`${i} opened.`);
          source.onmessage = message => console.log(`${i} received ${message.data}.`);
          source.addEventListener('gap', () => console.log(`${i} received gap.`));
        }
        """;

    private static readonly TimeSpan _limit = TimeSpan.FromMinutes(1);

    [TestCase("TERM")]
    [TestCase("KILL")]
    public async Task One_after_the_other_is_restarted_and_clients_get_each_event_once_and_in_order(string signal)
    {
        using var nats = await NatsServer.StartAsync();
        var arguments = $"--cluster {nats.Address} --cluster-replicas 1 --presence-limit 0 --retry 300ms --drain 500ms --trust-proxy --publish-token {Token}";
        var (a, portOfA) = await BuiltProgram.ListenAsync(arguments);
        using var firstOfA = a;
        var (b, portOfB) = await BuiltProgram.ListenAsync(arguments);
        using var firstOfB = b;
        using var nginx = await Nginx.StartAsync(portOfA, portOfB);
        using var sources = await RealClient.NodeAsync(Script, $"https://127.0.0.1:{nginx.Port}/events", $"{Sources}");
        using var http = nginx.Connect();
        await sources.WritesAsync(" opened.", Sources);
        var streams = Enumerable.Range(0, Streams).Select(_ => new Follower(http)).ToList();
        await Task.WhenAll(streams.Select(stream => stream.IsOpen.WaitAsync(Wait.Limit)));

        // Publishing goes on while first the one and then the other is away.
        var publisher = new Publisher(http);
        using var secondOfA = await RestartAsync(a, portOfA);
        using var secondOfB = await RestartAsync(b, portOfB);
        string[] published = [.. Enumerable.Range(0, await publisher.StopAsync()).Select(Text)];
        await sources.WritesAsync($" received {published[^1]}.", Sources);
        foreach (var stream in streams)
            Assert.That(await stream.ReceiveAsync(published.Length), Is.EqualTo(published));

        for (var i = 0; i < Sources; i++)
            Assert.That(Regex.Matches(sources.Output, $@"^{i} received (.*)\.$", RegexOptions.Multiline).Select(found => found.Groups[1].Value), Is.EqualTo(published));

        async Task<BuiltProgram> RestartAsync(BuiltProgram hub, int port)
        {
            await EndAsync(hub, signal);
            await Task.WhenAll(streams.Select(stream => stream.MovesOnAsync()));
            return await BuiltProgram.ListenAgainAsync(port, arguments);
        }
    }

    [Test]
    public async Task While_one_is_away_nobody_is_refused_and_while_both_are_a_stream_gets_no_answer()
    {
        using var nats = await NatsServer.StartAsync();
        await using var a = Hub(nats);
        await using var b = Hub(nats);
        using var nginx = await Nginx.StartAsync(a.Port, b.Port);
        using var http = nginx.Connect();
        await a.Server.StopAsync();
        for (var i = 0; i < 10; i++)
        {
            Assert.That(await PostAsync(http, "some", $"id{i}"), Is.EqualTo(HttpStatusCode.OK));
            await using var stream = await EventStream.OpenAsync(http, "/events");
            Assert.That(await HealthAsync(http), Is.EqualTo(HttpStatusCode.OK));
        }

        await b.Server.StopAsync();
        Assert.That(async () => await http.GetAsync(new Uri("/events", UriKind.Relative)), Throws.InstanceOf<HttpRequestException>());
        Assert.That(await PostAsync(http, "some", "more"), Is.EqualTo(HttpStatusCode.BadGateway));
        Assert.That(await HealthAsync(http), Is.EqualTo(HttpStatusCode.BadGateway));
    }

    [Test]
    public async Task Hubs_that_have_no_room_for_more_streams_go_on_with_all_else()
    {
        using var nats = await NatsServer.StartAsync();

        // What nginx 1.22 has to say to a client that has other streams waits for their next heartbeat.
        ServerOptions Change(ServerOptions options) => options with { MaxClients = 1, Heartbeat = TimeSpan.FromSeconds(1) };
        await using var a = Hub(nats, Change);
        await using var b = Hub(nats, Change);
        using var nginx = await Nginx.StartAsync(a.Port, b.Port);
        using var http = nginx.Connect();

        await using var first = await EventStream.OpenAsync(http, "/events");
        await using var second = await EventStream.OpenAsync(http, "/events");
        for (var i = 0; i < 5; i++)
        {
            Assert.That(async () => await http.GetAsync(new Uri("/events", UriKind.Relative)), Throws.InstanceOf<HttpRequestException>());
            Assert.That(await PostAsync(http, $"{i}", $"id{i}"), Is.EqualTo(HttpStatusCode.OK));
        }

        Assert.That(await first.NextDataAsync(5), Is.EqualTo((string[])["0", "1", "2", "3", "4"]));
        Assert.That(await second.NextDataAsync(5), Is.EqualTo((string[])["0", "1", "2", "3", "4"]));
    }

    [Test]
    public async Task A_hub_that_is_cut_off_from_the_log_is_not_asked_how_the_site_is()
    {
        using var nats = await NatsServer.StartAsync();
        using var otherNats = await NatsServer.StartAsync();
        await using var a = Hub(nats);
        await using var b = Hub(otherNats);
        using var nginx = await Nginx.StartAsync(a.Port, b.Port);
        using var http = nginx.Connect();
        nats.Signal("STOP");
        await Wait.UntilAsync(async () => await HealthAsync(a.Http) == HttpStatusCode.ServiceUnavailable, "it does not miss its log");
        for (var i = 0; i < 4; i++)
            Assert.That(await HealthAsync(http), Is.EqualTo(HttpStatusCode.OK));

        otherNats.Signal("STOP");
        await Wait.UntilAsync(async () => await HealthAsync(http) == HttpStatusCode.ServiceUnavailable, "nobody misses the log");
    }

    [Test]
    public async Task A_publish_that_a_hub_may_have_stored_is_not_sent_to_the_other_one()
    {
        // In the place of both hubs, one that takes what it is sent, and dies.
        using var dying = new DyingHub();
        using var nginx = await Nginx.StartAsync(dying.Port, dying.Port);
        using var http = nginx.Connect();
        Assert.That(await PostAsync(http, "some", "x"), Is.EqualTo(HttpStatusCode.BadGateway));
        Assert.That(dying.Requests, Is.EqualTo(1));
        Assert.That(await HealthAsync(http), Is.EqualTo(HttpStatusCode.BadGateway));
        Assert.That(dying.Requests, Is.EqualTo(3), "a GET is sent to both");
    }

    private static TestServer Hub(NatsServer nats, Func<ServerOptions, ServerOptions>? change = null) => ManyHubs.Hub(nats, options =>
    {
        var hub = options with { PresenceLimit = 0, TrustProxy = true, PublishToken = Token };
        return change?.Invoke(hub) ?? hub;
    });

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static async Task EndAsync(BuiltProgram hub, string signal)
    {
        hub.Signal(signal);
        var code = await hub.EndAsync();
        Assert.That(code, signal == "TERM" ? Is.Zero : Is.Not.Zero);
    }

    private static async Task<HttpStatusCode> PostAsync(HttpClient http, string text, string id)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/events?id={id}");
        request.Content = new StringContent(text, Encoding.UTF8, "text/plain");
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", Token);
        using var answer = await http.SendAsync(request);
        return answer.StatusCode;
    }

    private static async Task<HttpStatusCode> HealthAsync(HttpClient http)
    {
        using var answer = await http.GetAsync(new Uri("/healthz", UriKind.Relative));
        return answer.StatusCode;
    }

    // Publishes numbers, each until it is answered with 200. With its id it may be sent again.
    private sealed class Publisher
    {
        private readonly Task<int> _running;
        private volatile bool _isEnough;

        public Publisher(HttpClient http) => _running = RunAsync(http);

        public Task<int> StopAsync()
        {
            _isEnough = true;
            return _running.WaitAsync(Wait.Limit);
        }

        private async Task<int> RunAsync(HttpClient http)
        {
            var number = 0;
            for (; !_isEnough; number++)
                await Wait.UntilAsync(() => TryPublishAsync(http, number), "it is not published");

            return number;
        }

        private static async Task<bool> TryPublishAsync(HttpClient http, int number)
        {
            var status = await PostAsync(http, Text(number), $"id{number}");
            Assert.That((int)status, Is.EqualTo(200).Or.EqualTo(502).Or.EqualTo(503));
            return status is HttpStatusCode.OK;
        }
    }

    private sealed class DyingHub : IDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
        private int _requests;

        public DyingHub()
        {
            _listener.Start();
            _ = RunAsync();
        }

        public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

        public int Requests => Volatile.Read(ref _requests);

        public void Dispose() => _listener.Dispose();

        private async Task RunAsync()
        {
            try
            {
                while (true)
                {
                    using var connection = await _listener.AcceptSocketAsync();
                    await connection.ReceiveAsync(new byte[4096]);
                    Interlocked.Increment(ref _requests);
                }
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // The test is over.
            }
        }
    }

    // A stream that comes back with its last id whenever it ends, as an EventSource does.
    private sealed class Follower
    {
        private readonly Lock _lock = new();
        private readonly List<string> _received = [];
        private readonly TaskCompletionSource _open = new();

        public Follower(HttpClient http) => _ = FollowAsync(http);

        public Task IsOpen => _open.Task;

        // Waits until it has received something more.
        public async Task MovesOnAsync()
        {
            var before = Count();
            await Wait.UntilAsync(() => Count() > before, "it receives nothing");
        }

        public async Task<List<string>> ReceiveAsync(int count)
        {
            await Wait.UntilAsync(() => Count() >= count, "it does not receive all", _limit);
            lock (_lock)
                return [.. _received];
        }

        private int Count()
        {
            lock (_lock)
                return _received.Count;
        }

        // Until the test disposes its client.
        private async Task FollowAsync(HttpClient http)
        {
            string? last = null;
            while (true)
            {
                try
                {
                    await using var stream = await EventStream.OpenAsync(http, "/events", last);
                    last = stream.LastEventId;
                    _open.TrySetResult();
                    while (await stream.TryNextAsync() is { } item)
                    {
                        last = stream.LastEventId;
                        lock (_lock)
                            _received.Add(item.EventType == "message" ? item.Data : item.EventType);
                    }
                }
                catch (Exception e) when (e is HttpRequestException or IOException)
                {
                    // A hub is away.
                }
                catch (Exception e) when (e is ObjectDisposedException or OperationCanceledException)
                {
                    return;
                }
            }
        }
    }
}
