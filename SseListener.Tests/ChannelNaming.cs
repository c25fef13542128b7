using SseListener.Events;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>What a channel may be called, and how many there may be on a connection.</summary>
public sealed class ChannelNaming
{
    private static readonly string _longest = new('x', 200);
    private static readonly string[] _good = ["a", "A.b_c~d:e/f@g-0", "/", "//", "a/", ".", "..", "a/../b", _longest];
    private static readonly string[] _bad = ["", " ", "a b", "a,b", "a?b", "ü", "a\0b", "a\rb", "a\nb", "a\r\nevent: forged", "a%41", "a*", "*", "*/a", "a/*/b", "a/**", "a*/", _longest + "x", "\u2028"];

    [TestCaseSource(nameof(_good))]
    public async Task A_good_name_is_a_channel(string name)
    {
        await using var server = TestServer.Start();
        var query = "?channel=" + Uri.EscapeDataString(name);
        await using var client = await server.SubscribeAsync(query);
        Assert.That(client.Hello, Does.EndWith($$""","channels":["{{name}}"]}"""));
        using var answer = await server.PostAsync("/events" + query, "text/plain", "x");
        answer.EnsureSuccessStatusCode();
        Assert.That((await client.NextAsync()).Data, Is.EqualTo("x"));
    }

    [TestCaseSource(nameof(_bad))]
    public async Task Any_other_name_is_refused_by_both(string name)
    {
        await using var server = TestServer.Start();
        var query = "/events?channel=ok&channel=" + Uri.EscapeDataString(name);
        using var subscribed = await server.SendAsync("GET", query);
        await Problem.ExpectAsync(subscribed, 400, "1 to 200 characters of A-Z a-z 0-9 . _ ~ : / @ -");
        using var published = await server.PostAsync("/events?channel=" + Uri.EscapeDataString(name), "text/plain", "x");
        await Problem.ExpectAsync(published, 400, "1 to 200 characters of A-Z a-z 0-9 . _ ~ : / @ -");
    }

    [Test]
    public async Task Nothing_is_published_to_a_pattern()
    {
        await using var server = TestServer.Start();
        using var answer = await server.PostAsync("/events?channel=a/*", "text/plain", "x");
        await Problem.ExpectAsync(answer, 400, "Patterns are for listening");
    }

    [Test]
    public async Task That_there_is_no_pattern_for_all_channels_is_said_and_what_to_do()
    {
        await using var server = TestServer.Start();
        using var all = await server.SendAsync("GET", "/events?channel=*");
        await Problem.ExpectAsync(all, 400, "such as orders/*. There is none for all channels: give those that are to be heard together a prefix in common.");
    }

    [Test]
    public async Task A_hundred_channels_are_allowed_and_one_more_is_not()
    {
        await using var server = TestServer.Start();
        var hundred = string.Join('&', Enumerable.Range(0, 100).Select(i => $"channel=c{i}"));
        await using var client = await server.SubscribeAsync($"?{hundred}&channel=c7");
        var id = await server.PublishAsync("""{"data":1}""", "c99");
        Assert.That((await client.NextAsync()).EventId, Is.EqualTo(id));
        using var refused = await server.SendAsync("GET", $"/events?{hundred}&channel=one-more");
        await Problem.ExpectAsync(refused, 400, "at most 100 channels");
    }

    [TestCase("orders/*", "orders/1", true)]
    [TestCase("orders/*", "orders/1/2", true)]
    [TestCase("orders/*", "orders/", true)]
    [TestCase("orders/*", "orders", false)]
    [TestCase("orders/*", "ordersx/1", false)]
    [TestCase("orders/*", "orders/*", true)]
    [TestCase("orders/*", "orders/1/*", true)]
    [TestCase("orders/1/*", "orders/*", false)]
    [TestCase("*", "anything", true)]
    [TestCase("*", "any/*", true)]
    [TestCase("orders", "orders", true)]
    [TestCase("orders", "Orders", false)]
    [TestCase("orders", "orders/1", false)]
    public void A_rule_covers_what_its_pattern_stands_for(string rule, string other, bool covers) =>
        Assert.That(ChannelNames.Covers(rule, other), Is.EqualTo(covers));
}
