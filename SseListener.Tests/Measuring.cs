using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Globalization;
using SseListener.Metrics;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>What is measured, and that it is so.</summary>
public sealed class Measuring
{
    [Test]
    public async Task Events_and_bytes_are_counted_when_published_and_when_delivered()
    {
        await using var server = TestServer.Start(o => o with { PresenceLimit = 0 });
        await using var one = await server.SubscribeAsync();
        await using var other = await server.SubscribeAsync("?envelope=1");
        var id = await server.PublishAsync("""{"data":"first"}""");
        await server.PostAsync("/events", "application/x-ndjson", "{\"data\":2}\n{\"data\":3}");
        await server.PublishAsync("""{"data":"unheard"}""", "elsewhere");
        using var again = await server.PostAsync("/events", "application/json", $$"""{"data":"first","id":"{{id}}"}""");
        var plain = "data: \"first\"\nid: 0123456789\n\n".Length + (2 * "data: 2\nid: 0123456789\n\n".Length);
        await server.ExpectMetricAsync("sse_events_published_total", 4);
        await server.ExpectMetricAsync("sse_published_bytes_total", plain + "data: \"unheard\"\nid: 0123456789\n\n".Length);
        await server.ExpectMetricAsync("sse_events_delivered_total", 6);
        await server.ExpectMetricAsync("sse_delivered_bytes_total", (2 * plain) + (3 * """{"channel":"default","data":}""".Length));
        Assert.That(await server.MetricAsync("sse_channels"), Is.EqualTo(2));
        Assert.That(await server.MetricAsync("sse_history_events"), Is.EqualTo(4));
        Assert.That(await server.MetricAsync("sse_history_bytes"), Is.EqualTo(await server.MetricAsync("sse_published_bytes_total")));
    }

    [TestCase("")]
    [TestCase("&envelope=1")]
    public async Task All_events_of_long_slices_are_counted(string query)
    {
        await using var server = TestServer.Start(o => o with { PresenceLimit = 0, History = 16 * 1024 * 1024 });
        var lines = string.Join('\n', Enumerable.Range(0, 1000).Select(number => $$"""{"data":"{{number}} {{new string('x', 1000)}}"}"""));
        for (var batch = 0; batch < 3; batch++)
        {
            using var answer = await server.PostAsync("/events", "application/x-ndjson", lines);
        }

        await using var late = await server.SubscribeAsync("?lastEventId=earliest" + query);
        await late.NextDataAsync(3000);
        await server.ExpectMetricAsync("sse_events_delivered_total", 3000);
        Assert.That(await server.MetricAsync("sse_events_replayed_total"), Is.EqualTo(3000));
        Assert.That(await server.MetricAsync("sse_gaps_total"), Is.Zero);
    }

    [Test]
    public async Task A_client_that_comes_back_counts_what_it_had_missed_and_joins_are_delivered_but_not_kept()
    {
        await using var server = TestServer.Start();
        await using var stays = await server.SubscribeAsync();
        var id = await server.PublishAsync("""{"data":1}""");
        await server.PublishAsync("""{"data":2}""");
        await using var comes = await server.SubscribeAsync(lastEventId: id);
        Assert.That((await comes.NextAsync()).Data, Is.EqualTo("2"));
        await server.ExpectMetricAsync("sse_events_delivered_total", (2 + 1) + 1);
        await using var unknown = await server.SubscribeAsync("?envelope=1", lastEventId: "never-was");
        await server.ExpectMetricAsync("sse_gaps_total", 1);
        await server.ExpectMetricAsync("sse_events_replayed_total", 1 + 2);
        await server.ExpectMetricAsync("sse_events_delivered_total", (2 + 2) + (1 + 1) + 2);
        Assert.That(await server.MetricAsync("sse_history_events"), Is.EqualTo(2));
    }

    [Test]
    public async Task Streams_are_counted_by_how_they_end()
    {
        await using var server = TestServer.Start(o => o with { MaxClients = 2, Heartbeat = TimeSpan.FromMilliseconds(40) });
        await using (var leaves = await server.SubscribeAsync())
        {
            await server.ExpectMetricAsync("sse_clients", 1);
        }

        await server.ExpectMetricAsync("""sse_streams_ended_total{reason="left"}""", 1);
        await using var dismissed = await server.SubscribeAsync();
        using var answer = await server.SendAsync("DELETE", $"/clients/{dismissed.ClientId}");
        await server.ExpectMetricAsync("""sse_streams_ended_total{reason="dismissed"}""", 1);
        await server.ExpectMetricAsync("sse_clients", 0);
        Assert.That(await server.MetricAsync("sse_connects_total"), Is.EqualTo(2));
        Assert.That(await server.MetricAsync("""sse_streams_ended_total{reason="lapped"}"""), Is.Zero);
    }

    [Test]
    public async Task Refused_connects_are_counted_by_reason()
    {
        await using var server = TestServer.Start(o => o with
        {
            MaxClients = 1,
            MaxChannels = 2,
            JwtKey = SignedTokens.Key(Jwt.Secret),
            Private = ["user/*"],
        });
        await using var client = await server.SubscribeAsync("?channel=a&channel=b");
        foreach (var (query, reason) in new[]
        {
            ("?channel=a", "client_limit"), ("?channel=", "bad_request"), ("?channel=user/7", "missing_token"), ("?token=x", "invalid_token"),
            ("?channel=user/7&token=" + Jwt.For(), "insufficient_scope"),
        })
        {
            using var raw = new RawRequest(server.Port);
            await raw.SendAsync(RawRequest.Head(server.Port, "GET /events" + query));
            await server.ExpectMetricAsync($$"""sse_connects_refused_total{reason="{{reason}}"}""", 1);
        }

        await using var few = TestServer.Start(o => o with { MaxClientsPerAddress = 1, MaxChannels = 2 });
        await using var first = await few.SubscribeAsync("?channel=a");

        // By bare sockets: HttpClient would ask again by itself when a connection that it has used before is closed.
        Assert.That(await RawRequest.ExchangeAsync(few.Port, RawRequest.Head(few.Port, "GET /events?channel=a")), Is.Empty);
        await few.ExpectMetricAsync("""sse_connects_refused_total{reason="address_limit"}""", 1);
        await first.DisposeAsync();
        await Wait.UntilAsync(() => few.Server.Clients.Count == 0, "it is still there");
        Assert.That(await RawRequest.ExchangeAsync(few.Port, RawRequest.Head(few.Port, "GET /events?channel=a&channel=b&channel=c")), Is.Empty);
        await few.ExpectMetricAsync("""sse_connects_refused_total{reason="channel_limit"}""", 1);
        Assert.That(await server.MetricAsync("sse_connects_total"), Is.EqualTo(1));
    }

    [Test]
    public async Task Publishes_that_fail_are_counted_by_status()
    {
        await using var server = TestServer.Start(o => o with { MaxBody = 100 });
        foreach (var (type, body, status) in new[] { ("application/json", "{", 400), ("image/png", "", 415), ("text/plain", new string('x', 101), 413) })
        {
            using var answer = await server.PostAsync("/events", type, body);
            await server.ExpectMetricAsync($$"""sse_publish_errors_total{status="{{status}}"}""", 1);
        }

        Assert.That(await server.MetricAsync("""sse_publish_errors_total{status="409"}"""), Is.Zero);
        Assert.That(await server.MetricAsync("sse_events_published_total"), Is.Zero);
    }

    [Test]
    public async Task Times_are_histograms_in_seconds()
    {
        using var folder = new TempFolder();
        await using var server = TestServer.Start(o => o with { Data = folder.Path, Lanes = 1 });
        await using var client = await server.SubscribeAsync();
        Assert.That(await server.MetricAsync("sse_sweep_duration_seconds_count"), Is.Zero);
        var started = Stopwatch.GetTimestamp();
        await server.PublishAsync("""{"data":1}""");
        await client.NextAsync();
        foreach (var name in new[] { "sse_sweep_duration_seconds", "sse_delivery_latency_seconds", "sse_journal_write_duration_seconds", "sse_journal_flush_duration_seconds" })
        {
            await server.ExpectMetricAsync(name + "_count", 1);
            var sum = await server.MetricAsync(name + "_sum");
            Assert.That(sum, Is.GreaterThan(0).And.LessThan(Stopwatch.GetElapsedTime(started).TotalSeconds));
            Assert.That(await server.MetricAsync(name + "_bucket{le=\"+Inf\"}"), Is.EqualTo(1));
            var first = (await server.MetricsAsync()).Split('\n').First(line => line.StartsWith(name + "_bucket", StringComparison.Ordinal) && line.EndsWith(" 1", StringComparison.Ordinal));
            Assert.That(sum, Is.LessThanOrEqualTo(first.Contains("+Inf", StringComparison.Ordinal) ? double.MaxValue : double.Parse(first.Split('"')[1], CultureInfo.InvariantCulture)));
        }
    }

    [Test]
    public async Task The_runtime_tells_of_its_memory_and_its_collections()
    {
        await using var server = TestServer.Start();
        GC.Collect();
        Assert.That(await server.MetricAsync("dotnet_process_memory_working_set_bytes"), Is.GreaterThan(10_000_000));
        Assert.That(await server.MetricAsync("""dotnet_gc_collections_total{gc_heap_generation="gen2"}"""), Is.GreaterThan(0));
        Assert.That(await server.MetricAsync($$"""sse_build_info{version="{{ServerMetrics.Version}}"}"""), Is.EqualTo(1));
    }

    // The listener hears of the servers of other tests, too.
    [Test]
    [NonParallelizable]
    public async Task Other_tools_see_the_same_instruments()
    {
        await using var server = TestServer.Start();
        var seen = new List<string>();
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, _) => seen.AddRange(instrument.Meter.Name == ServerMetrics.MeterName ? [instrument.Name] : []);
        listener.Start();
        Assert.That(seen, Does.Contain("sse.clients").And.Contain("sse.delivery.latency").And.Contain("sse.streams.ended"));
    }

    [Test]
    public async Task Two_servers_in_one_process_do_not_count_for_each_other()
    {
        await using var server = TestServer.Start();
        await using var other = TestServer.Start();
        await using var client = await server.SubscribeAsync();
        await server.ExpectMetricAsync("sse_connects_total", 1);
        Assert.That(await other.MetricAsync("sse_connects_total"), Is.Zero);
    }
}
