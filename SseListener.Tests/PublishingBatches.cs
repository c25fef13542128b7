using System.Net;
using System.Text;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>Many events in one request, application/x-ndjson: all of them in order, or none.</summary>
public sealed class PublishingBatches
{
    private const string Type = "application/x-ndjson";

    [TestCase("/events")]
    [TestCase("/generate")]
    public async Task Events_arrive_in_the_order_of_their_lines_and_so_are_the_ids(string path)
    {
        await using var server = TestServer.Start();
        await using var subscriber = await server.SubscribeAsync();
        var lines = string.Join('\n', Enumerable.Range(0, 500).Select(number => $$"""{"data":{{number}},"id":"n{{number}}"}"""));
        using var answer = await server.PostAsync(path, Type, lines);
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        Assert.That(
            await answer.Content.ReadAsStringAsync(),
            Is.EqualTo($$"""{"ids":[{{string.Join(',', Enumerable.Range(0, 500).Select(number => $"\"n{number}\""))}}]}"""));
        Assert.That(await subscriber.NextDataAsync(500), Is.EqualTo(Enumerable.Range(0, 500).Select(number => $"{number}")));
    }

    [Test]
    public async Task Events_in_very_many_channels_are_refused()
    {
        await using var server = TestServer.Start();
        var channels = string.Join('&', Enumerable.Range(0, 100).Select(number => $"channel=c{number}"));
        foreach (var (count, status) in new[] { (1001, 413), (1000, 200) })
        {
            var lines = string.Concat(Enumerable.Repeat("{\"data\":1}\n", count));
            using var answer = await server.PostAsync($"/events?{channels}", Type, lines);
            Assert.That((int)answer.StatusCode, Is.EqualTo(status));
        }

        Assert.That(await server.MetricAsync("sse_history_events"), Is.EqualTo(100_000), "only those of the second");
    }

    [TestCase("{\"data\":1}", 1)]
    [TestCase("{\"data\":1}\n", 1)]
    [TestCase("{\"data\":1}\r\n{\"data\":2}\r\n", 2)]
    [TestCase("\n\r\n \t\n{\"data\":1}\n\n  {\"data\":2} \n\n", 2)]
    public async Task Lines_end_with_LF_or_CRLF_and_blank_ones_are_nothing(string lines, int count)
    {
        await using var server = TestServer.Start();
        await using var subscriber = await server.SubscribeAsync();
        using var answer = await server.PostAsync("/events", Type, lines);
        Assert.That(await answer.Content.ReadAsStringAsync(), Does.Match($"^{{\"ids\":\\[(\"[A-Za-z0-9_-]{{10}}\",?){{{count}}}\\]}}$"));
        Assert.That(await subscriber.NextDataAsync(count), Is.EqualTo(Enumerable.Range(1, count).Select(number => $"{number}")));
        await server.ExpectNothingArrivedAsync(subscriber);
    }

    [Test]
    public async Task An_id_that_occurs_twice_is_answered_twice_and_delivered_once()
    {
        await using var server = TestServer.Start();
        await using var subscriber = await server.SubscribeAsync();
        using var answer = await server.PostAsync("/events", Type, "{\"data\":1,\"id\":\"a\"}\n{\"id\":\"a\", \"data\": 1}\n{\"data\":3,\"id\":\"b\"}");
        Assert.That(await answer.Content.ReadAsStringAsync(), Is.EqualTo("""{"ids":["a","a","b"]}"""));
        Assert.That(await subscriber.NextDataAsync(2), Is.EqualTo((List<string>)["1", "3"]));
    }

    [TestCase("{\"data\":1}\n{\"data\":2,\"tpye\":\"x\"}\n{\"data\":3}", "Line 2: The member \"tpye\" is unknown")]
    [TestCase("{\"data\":1}\r\n\r\n{\"data\":", "Line 3: The body is not JSON")]
    [TestCase("{\"data\":1} {\"data\":2}", "Line 1: The body is not JSON")]
    [TestCase("{\n\"data\":1\n}", "Line 1: The body is not JSON")]
    [TestCase("{\"data\":1}\n[]", "Line 2: The body must be a JSON object")]
    [TestCase("{\"data\":1}\n{\"data\":\"\xFF\"}", "Line 2: The body is not valid UTF-8")]
    [TestCase("{\"data\":1}\n{\"data\":2,\"id\":\"earliest\"}", "Line 2: The id \"earliest\" is reserved")]
    [TestCase("{\"data\":1}\n{\"data\":2,\"type\":\"a\\nb\"}", "Line 2: The type must not contain a line break")]
    public async Task An_error_names_its_line_and_nothing_of_the_batch_arrives(string lines, string detail)
    {
        await using var server = TestServer.Start();
        await using var subscriber = await server.SubscribeAsync();
        using var answer = await server.PostAsync("/events", Type, Encoding.Latin1.GetBytes(lines));
        await Problem.ExpectAsync(answer, 400, detail);
        await server.ExpectNothingArrivedAsync(subscriber);
    }

    [TestCase("")]
    [TestCase("\n \r\n\t\n")]
    public async Task A_batch_without_an_event_is_refused(string lines)
    {
        await using var server = TestServer.Start();
        using var answer = await server.PostAsync("/events", Type, lines);
        await Problem.ExpectAsync(answer, 400, "The body is empty: a batch has an event, a JSON object, in each line.");
    }

    [Test]
    public async Task Nothing_comes_between_the_events_of_a_batch()
    {
        await using var server = TestServer.Start();
        await using var subscriber = await server.SubscribeAsync();
        var batches = Enumerable.Range(0, 8).Select(batch => string.Concat(Enumerable.Repeat($$"""{"data":{{batch}}}""" + "\n", 50)));
        foreach (var answer in await Task.WhenAll(batches.Select(lines => server.PostAsync("/events", Type, lines))))
        {
            Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.OK));
            answer.Dispose();
        }

        var arrived = await subscriber.NextDataAsync(400);
        Assert.That(arrived.Chunk(50).Select(batch => batch.Distinct().Count()), Is.All.EqualTo(1));
    }
}
