using System.Net;
using SseListener.Http;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>Bodies that begin and do not end keep nobody else from publishing, and take no more memory than they may.</summary>
public sealed class HoldingBodiesBack
{
    private const string Text = "Content-Type: text/plain";
    private const int Limit = 1_000_000;

    [Test]
    public async Task When_there_are_too_many_the_one_that_has_been_arriving_for_longest_is_refused()
    {
        await using var server = TestServer.Start(options => options with { MaxPublishes = 2 });
        using var first = await BeginAsync(server, "Content-Length: 3", "o");
        using var second = await BeginAsync(server, "Content-Length: 3", "t");
        var answers = new[] { first.ReadUntilAsync("\"}"), second.ReadUntilAsync("\"}") };
        var oldest = Task.WhenAny(answers);
        await PublishUntilAsync(oldest, server, 1);
        var refused = await oldest;
        Assert.That(await refused, Does.StartWith("HTTP/1.1 503 ").And.Contains("Retry-After: 1").And.Contains("2 publishes (--max-publishes) and").And.Contains("had been arriving for longest"));
        await (refused == answers[0] ? second : first).SendAsync("wo");
        Assert.That(await answers.Single(answer => answer != refused), Does.StartWith("HTTP/1.1 200 "));
    }

    [TestCase("Content-Length: 1000000", "")]
    [TestCase("Transfer-Encoding: chunked", "F4240\r\n")]
    public async Task When_bodies_have_too_many_bytes_one_that_takes_room_is_refused(string framing, string before)
    {
        await using var server = TestServer.Start(options => options with { MaxBody = Limit, MaxPublishBytes = Limit });
        using var small = await BeginAsync(server, "Content-Length: 16000", "small");
        using var large = await BeginAsync(server, framing, before + new string('x', Limit - 1000));
        var answer = large.ReadUntilAsync("\"}");
        await PublishUntilAsync(answer, server, Limit);
        Assert.That(await answer, Does.StartWith("HTTP/1.1 503 ").And.Contains("1000000 bytes of them"));
        await small.SendAsync(new string('x', 16_000 - "small".Length));
        Assert.That(await small.ReadUntilAsync("\"}"), Does.StartWith("HTTP/1.1 200 "));
    }

    [Test]
    public async Task Whatever_becomes_of_bodies_the_room_they_took_is_free_again()
    {
        await using var server = TestServer.Start(options => options with { MaxBody = Limit, MaxPublishBytes = Limit, MaxPublishes = 8, BodyTimeout = TimeSpan.FromSeconds(1) });
        var text = new string('x', 300_000);
        async Task<string> PublishAsync(int number)
        {
            using var raw = await BeginAsync(server, number % 5 == 0 ? "Transfer-Encoding: chunked" : "Content-Length: 300000", number % 5 == 0 ? "493E0\r\n" : "");
            await raw.SendAsync(text[..100_000]);
            if (number % 7 == 0)
            {
                raw.Reset();
                return "";
            }

            await raw.SendAsync(number % 3 == 0 ? "" : text[100_000..] + (number % 5 == 0 ? "\r\n0\r\n\r\n" : ""));
            return await raw.ReadUntilAsync("\"}");
        }

        var answers = await Task.WhenAll(Enumerable.Range(0, 60).Select(PublishAsync));
        Assert.That(answers.Select(answer => answer.Split(' ').ElementAtOrDefault(1)).Distinct(), Is.SubsetOf(new[] { null, "200", "408", "503" }));
        Assert.That(answers.Count(answer => answer.StartsWith("HTTP/1.1 200 ", StringComparison.Ordinal)), Is.Positive);
        using var whole = await server.PostAsync("/events", "text/plain", new string('x', Limit));
        Assert.That(whole.StatusCode, Is.EqualTo(HttpStatusCode.OK), "not all of the room");
    }

    [Test]
    public void Those_that_have_arrived_give_way_no_more()
    {
        var bodies = new BodiesUnderWay(new ServerOptions { MaxPublishes = 2, MaxPublishBytes = 100 });
        using var first = bodies.TryAdd();
        using var second = bodies.TryAdd();
        bodies.MakeRoom(first!, 100);
        Assert.That(first!.HasGivenWay, Is.False);
        Assert.That(bodies.TryComplete(first), Is.True);
        using (var third = bodies.TryAdd())
        {
            Assert.That(second!.HasGivenWay, Is.True);
            Assert.That(bodies.TryComplete(second), Is.False);
            bodies.MakeRoom(third!, 1);
            Assert.That(third!.HasGivenWay, Is.True, "there is no room");
        }

        using var fourth = bodies.TryAdd();
        Assert.That(bodies.TryComplete(fourth!), Is.True);
        Assert.That(bodies.TryAdd(), Is.Null);
        first.Dispose();
        using var fifth = bodies.TryAdd();
        bodies.MakeRoom(fifth!, 100);
        Assert.That(fifth!.HasGivenWay, Is.False);
    }

    private static async Task<RawRequest> BeginAsync(TestServer server, string framing, string part)
    {
        var raw = new RawRequest(server.Port);
        await raw.SendAsync(RawRequest.Head(server.Port, "POST /events", Text, framing) + part);
        return raw;
    }

    // The one that is to be refused may not have come as far yet, and then the other is the older.
    private static async Task PublishUntilAsync(Task answer, TestServer server, int size) => await Wait.UntilAsync(
        async () =>
        {
            using var published = await server.PostAsync("/events", "text/plain", new string('x', size));
            Assert.That(published.StatusCode, Is.AnyOf(HttpStatusCode.OK, HttpStatusCode.ServiceUnavailable));
            return answer.IsCompleted;
        },
        "it was not refused");
}
