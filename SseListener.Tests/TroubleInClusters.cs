using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using NATS.Client.JetStream.Models;
using SseListener.Cluster;
using SseListener.Http;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>What becomes of hubs when their log cannot be had, or is another one.</summary>
public sealed class TroubleInClusters
{
    [Test]
    public async Task Without_the_log_streams_stay_open_publishes_are_told_so_and_then_all_goes_on()
    {
        using var nats = await NatsServer.StartAsync();
        await using var a = Hub(nats, o => o with { Heartbeat = TimeSpan.FromMilliseconds(100) });
        await using var b = Hub(nats);
        await using var client = await b.SubscribeAsync();
        using var raw = new RawRequest(a.Port);
        await raw.SendAsync(RawRequest.Head(a.Port, "GET /events"));
        await raw.ReadUntilAsync("retry: ");
        await nats.KillAsync();
        using var refused = await PostAsync(a, """{"id":"x","data":1}""");
        Assert.That(refused.StatusCode, Is.EqualTo(HttpStatusCode.ServiceUnavailable));
        Assert.That(refused.Headers.RetryAfter, Is.Not.Null);
        using var problem = JsonDocument.Parse(await refused.Content.ReadAsStringAsync());
        Assert.That(problem.RootElement.GetProperty("ids").EnumerateArray().Select(id => id.GetString()), Is.EqualTo((string[])["x"]));
        await raw.ReadUntilAsync(":\n\n");
        await HealthBecomesAsync(a, HttpStatusCode.ServiceUnavailable);
        await nats.StartAgainAsync();
        await HealthBecomesAsync(a, HttpStatusCode.OK);
        using var again = await PostAsync(a, """{"id":"x","data":1}""");
        Assert.That(again.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        await a.PublishAsync("""{"data":2}""");
        Assert.That(await client.NextDataAsync(2), Is.EqualTo((string[])["1", "2"]));
    }

    [Test]
    public async Task Of_what_has_no_ids_it_is_told_too_that_nobody_knows_whether_it_is_done()
    {
        using var nats = await NatsServer.StartAsync();
        await using var a = Hub(nats, timeout: TimeSpan.FromMilliseconds(500));
        await a.PublishAsync("""{"data":1}""", "x");
        nats.Signal("STOP");
        var answers = await Task.WhenAll(a.SendAsync("DELETE", "/channels/x"), a.PostAsync("/events?channel=y&end=1", "text/plain", ""));
        foreach (var answer in answers)
        {
            using (answer)
                await Problem.ExpectAsync(answer, 503, "It is not known whether this was done. Send it again.");
        }

        nats.Signal("CONT");
    }

    [Test]
    public async Task What_waits_while_the_log_is_away_is_published_when_it_comes_back_in_time()
    {
        using var nats = await NatsServer.StartAsync();
        await using var a = Hub(nats, timeout: Wait.Limit);
        await using var client = await a.SubscribeAsync();
        nats.Signal("STOP");
        var waiting = Enumerable.Range(0, 10).Select(number => a.PublishAsync($$"""{"data":{{number}}}""")).ToList();
        await HealthBecomesAsync(a, HttpStatusCode.ServiceUnavailable);
        nats.Signal("CONT");
        var ids = await Task.WhenAll(waiting);
        var received = new List<string?>();
        while (received.Count < 10)
            received.Add((await client.NextAsync()).EventId);

        Assert.That(received, Is.EquivalentTo(ids));
    }

    [Test]
    public async Task A_stop_does_not_wait_for_a_log_that_is_away()
    {
        using var nats = await NatsServer.StartAsync();
        var a = Hub(nats, timeout: TimeSpan.FromMinutes(5));
        nats.Signal("STOP");
        using var publisher = new RawRequest(a.Port);
        await publisher.SendAsync(RawRequest.Head(a.Port, "POST /events", "Content-Type: text/plain", "Content-Length: 1") + "1");
        await Wait.UntilAsync(() => a.Logged.Contains("POST /events", StringComparison.Ordinal), "nothing is published");
        await a.DisposeAsync().AsTask().WaitAsync(Wait.Limit);
        Assert.That(await publisher.ReadToEndAsync(), Does.StartWith("HTTP/1.1 503").And.Contain("\"ids\":["));
        nats.Signal("CONT");
    }

    [Test]
    public async Task A_stream_that_is_deleted_is_not_made_again_by_a_hub_that_runs()
    {
        using var nats = await NatsServer.StartAsync();
        await using var a = Hub(nats);
        await a.PublishAsync("""{"data":1}""");
        await nats.ManageAsync(async streams => await streams.DeleteStreamAsync("sse"));
        await HealthBecomesAsync(a, HttpStatusCode.ServiceUnavailable);
        using var refused = await PostAsync(a, """{"data":2}""");
        Assert.That(refused.StatusCode, Is.EqualTo(HttpStatusCode.ServiceUnavailable));
        Assert.That(a.Logged, Does.Contain("The stream sse does not exist any more."));
    }

    [Test]
    public async Task A_stream_that_was_made_again_is_another_log()
    {
        using var nats = await NatsServer.StartAsync();
        await using var a = Hub(nats);
        await using var client = await a.SubscribeAsync();
        await a.PublishAsync("""{"data":1}""");
        await nats.ManageAsync(async streams => await streams.DeleteStreamAsync("sse"));
        await using var b = Hub(nats);
        await Wait.UntilAsync(() => a.Logged.Contains("has been created anew", StringComparison.Ordinal), "not logged");
        await b.PublishAsync("""{"data":2}""");
        using var refused = await PostAsync(a, """{"data":3}""");
        Assert.That(refused.StatusCode, Is.EqualTo(HttpStatusCode.ServiceUnavailable));
        Assert.That(await refused.Content.ReadAsStringAsync(), Does.Contain("Nothing was published."));
        using var health = await a.Http.GetAsync(new Uri("/healthz", UriKind.Relative));
        Assert.That(health.StatusCode, Is.EqualTo(HttpStatusCode.ServiceUnavailable));
        Assert.That((await client.NextAsync()).Data, Is.EqualTo("1"));
        await using var atB = await b.SubscribeAsync(lastEventId: client.LastEventId);
        Assert.That((await atB.NextAsync()).EventType, Is.EqualTo("gap"));
    }

    [Test]
    public async Task Clients_of_a_hub_that_the_log_was_trimmed_away_from_are_told_of_a_gap()
    {
        using var nats = await NatsServer.StartAsync();
        await using var network = new TcpRelay(nats.Address);
        await using var a = HubBehind(network, nats);
        await using var b = Hub(nats);
        await using var client = await a.SubscribeAsync();
        var first = await a.PublishAsync("""{"data":1}""");
        await client.NextAsync();
        network.Cut();
        await b.PublishAsync("""{"data":2}""");
        await nats.ManageAsync(async streams => await streams.PurgeStreamAsync("sse", new StreamPurgeRequest()));
        network.Mend();
        await b.PublishAsync("""{"data":3}""");
        await client.EndAsync();
        await using var again = await a.SubscribeAsync(lastEventId: first);
        Assert.That((await again.NextAsync()).EventType, Is.EqualTo("gap"));
        Assert.That((await again.NextAsync()).Data, Is.EqualTo("3"));
    }

    [Test]
    public async Task A_hub_goes_on_however_many_messages_it_has_lost()
    {
        using var nats = await NatsServer.StartAsync();
        await using var network = new TcpRelay(nats.Address);
        await using var a = HubBehind(network, nats);
        await using var b = Hub(nats);
        var first = await a.PublishAsync("""{"data":1}""");
        network.Cut();
        for (var number = 2; number <= 100; number++)
            await b.PublishAsync($$"""{"data":{{number}}}""");

        await nats.ManageAsync(async streams => await streams.PurgeStreamAsync("sse", new StreamPurgeRequest { Keep = 1 }));
        network.Mend();
        await Wait.UntilAsync(() => a.Logged.Contains("are lost", StringComparison.Ordinal), "it does not go on");
        await HealthBecomesAsync(a, HttpStatusCode.OK);
        await using var again = await a.SubscribeAsync(lastEventId: first);
        Assert.That((await again.NextAsync()).EventType, Is.EqualTo("gap"));
        Assert.That((await again.NextAsync()).Data, Is.EqualTo("100"));
    }

    [Test]
    public async Task A_hub_that_missed_what_is_deleted_goes_on_though_nothing_follows()
    {
        using var nats = await NatsServer.StartAsync();
        await using var network = new TcpRelay(nats.Address);
        await using var a = HubBehind(network, nats);
        await using var b = Hub(nats);
        var first = await a.PublishAsync("""{"data":1}""");
        network.Cut();
        await b.PublishAsync("""{"data":2}""");
        await nats.ManageAsync(async streams => await streams.PurgeStreamAsync("sse", new StreamPurgeRequest()));
        network.Mend();
        await Wait.UntilAsync(() => a.Logged.Contains("are lost", StringComparison.Ordinal), "it does not notice");
        await HealthBecomesAsync(a, HttpStatusCode.OK);
        await using var again = await a.SubscribeAsync(lastEventId: first);
        Assert.That((await again.NextAsync()).EventType, Is.EqualTo("gap"));
    }

    [Test]
    public async Task A_hub_starts_although_the_last_message_was_deleted()
    {
        using var nats = await NatsServer.StartAsync();
        await using var a = Hub(nats);
        await a.PublishAsync("""{"data":1}""");
        await a.PublishAsync("""{"data":2}""");
        await nats.ManageAsync(async streams => await streams.DeleteMessageAsync("sse", new StreamMsgDeleteRequest { Seq = 2 }));
        await using var b = Hub(nats, timeout: Wait.Limit);
        await b.PublishAsync("""{"data":3}""");
    }

    [Test]
    public async Task A_hub_waits_for_what_the_other_one_knows_before_it_tells_of_a_gap()
    {
        using var nats = await NatsServer.StartAsync();
        await using var network = new TcpRelay(nats.Address);
        await using var a = HubBehind(network, nats);
        await using var b = Hub(nats);
        network.Hold();
        var id = await b.PublishAsync("""{"data":1}""");
        await b.PublishAsync("""{"data":2}""");
        var releasing = ReleaseAsync();
        await using var client = await a.SubscribeAsync(lastEventId: id);
        await releasing;
        Assert.That((await client.NextAsync()).Data, Is.EqualTo("2"));
        await using var unknown = await a.SubscribeAsync(lastEventId: "never-seen");
        Assert.That((await unknown.NextAsync()).EventType, Is.EqualTo("gap"));

        async Task ReleaseAsync()
        {
            await Wait.UntilAsync(() => a.Logged.Contains("GET /events", StringComparison.Ordinal), "not asked for");
            network.Release();
        }
    }

    [Test]
    public async Task A_hub_does_not_start_without_its_log()
    {
        await using var log = new LogText();
        using var lines = new Log.LogWriter(log, Log.LogLevel.Info);
        var options = new ServerOptions
        {
            Port = TestServer.FreePort(),
            Cluster = new ClusterOptions { Servers = [$"nats://127.0.0.1:{TestServer.FreePort()}"], Timeout = TimeSpan.FromMilliseconds(500) },
        };
        await using var server = new SseServer(options, AppContext.BaseDirectory, lines);
        Assert.That(server.TryStart(out var problem), Is.False);
        Assert.That(problem, Does.StartWith("The cluster cannot be used (nats://127.0.0.1:"));
    }

    [Test]
    public async Task A_signal_ends_a_start_that_waits_for_the_log()
    {
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        using var program = BuiltProgram.Start($"--cluster nats://{silent.LocalEndpoint} --cluster-timeout 1h --port {TestServer.FreePort()}");
        using var connected = await silent.AcceptTcpClientAsync();
        program.Signal("TERM");
        Assert.That(await program.EndAsync(), Is.Zero, program.Errors);
    }

    [Test]
    public async Task A_server_that_stands_alone_keeps_one_replica()
    {
        using var nats = await NatsServer.StartAsync();
        await using var log = new LogText();
        using var lines = new Log.LogWriter(log, Log.LogLevel.Info);
        var options = new ServerOptions { Port = TestServer.FreePort(), Cluster = new ClusterOptions { Servers = [nats.Address] } };
        await using var server = new SseServer(options, AppContext.BaseDirectory, lines);
        Assert.That(server.TryStart(out var problem), Is.False);
        Assert.That(problem, Does.Contain("--cluster-replicas 1"));
    }

    [Test]
    public async Task What_the_stream_does_not_do_as_asked_is_told()
    {
        using var nats = await NatsServer.StartAsync();
        await using var a = Hub(nats);
        await using var b = Hub(nats, o => o with { HistoryAge = TimeSpan.FromHours(1), Cluster = o.Cluster with { Replicas = 3 } });
        Assert.That(b.Logged, Does.Contain("keeps 1 replicas, and not 3").And.Contain("(--history-age)").And.Contain("nats-server 2.9.10: before 2.10.23"));
        await nats.ManageAsync(async streams => await streams.CreateStreamAsync(new StreamConfig("other", ["other.x"])));
        await using var log = new LogText();
        using var lines = new Log.LogWriter(log, Log.LogLevel.Info);
        var options = new ServerOptions { Port = TestServer.FreePort(), Cluster = new ClusterOptions { Servers = [nats.Address], Stream = "other" } };
        await using var server = new SseServer(options, AppContext.BaseDirectory, lines);
        Assert.That(server.TryStart(out var problem), Is.False);
        Assert.That(problem, Does.Contain("was not created by a hub"));
    }

    private static TestServer Hub(NatsServer nats, Func<ServerOptions, ServerOptions>? change = null, TimeSpan? timeout = null) => ManyHubs.Hub(nats, o =>
    {
        var hub = o with { PresenceLimit = 0, Cluster = o.Cluster with { Timeout = timeout ?? TimeSpan.FromSeconds(2) } };
        return change?.Invoke(hub) ?? hub;
    });

    private static TestServer HubBehind(TcpRelay network, NatsServer nats) =>
        Hub(nats, o => o with { Cluster = o.Cluster with { Servers = [network.Address] } });

    private static Task HealthBecomesAsync(TestServer hub, HttpStatusCode status) => Wait.UntilAsync(
        async () =>
        {
            using var health = await hub.Http.GetAsync(new Uri("/healthz", UriKind.Relative));
            return health.StatusCode == status;
        },
        $"its health does not become {status}");

    private static async Task<HttpResponseMessage> PostAsync(TestServer hub, string body)
    {
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        return await hub.Http.PostAsync(new Uri("/events", UriKind.Relative), content);
    }
}
