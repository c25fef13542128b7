using System.Globalization;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>How many clients there may be at one address.</summary>
public sealed class CountingAddresses
{
    [Test]
    public async Task One_more_gets_429_until_another_goes()
    {
        await using var server = TestServer.Start(o => o with { MaxClientsPerAddress = 2, MaxClients = 3 });
        await using var first = await server.SubscribeAsync();
        await using var second = await server.SubscribeAsync("?channel=a");
        using var refused = await server.SendAsync("GET", "/events");
        await Problem.ExpectAsync(refused, 429, "2 clients of this address");
        Assert.That(refused.Headers.RetryAfter?.ToString(), Is.EqualTo("1"));
        await first.DisposeAsync();
        await Wait.UntilAsync(() => server.Server.Clients.Count == 1, "it is still there");
        await using var third = await server.SubscribeAsync();
        using var again = await server.SendAsync("GET", "/events");
        await Problem.ExpectAsync(again, 429, "2 clients of this address");
    }

    [TestCase("192.0.2.1", "192.0.2.1", 429)]
    [TestCase("192.0.2.1", "192.0.2.2", 200)]
    [TestCase("192.0.2.1", "192.0.2.2, 192.0.2.1", 429)]
    [TestCase("192.0.2.1", "192.0.2.1, 192.0.2.2", 200)]
    [TestCase("192.0.2.1", "::ffff:192.0.2.1", 429)]
    [TestCase("2001:db8::1", "2001:db8:0::1", 429)]
    [TestCase("192.0.2.1", "", 200)]
    [TestCase("", "not an address", 429)]
    public async Task Behind_a_proxy_that_is_trusted_the_last_address_that_it_names_counts(string first, string second, int status)
    {
        await using var server = TestServer.Start(o => o with { MaxClientsPerAddress = 1, TrustProxy = true });
        using var one = await server.SendAsync("GET", "/events", ("X-Forwarded-For", first));
        Assert.That((int)one.StatusCode, Is.EqualTo(200));
        using var other = await server.SendAsync("GET", "/events", ("X-Forwarded-For", second));
        Assert.That((int)other.StatusCode, Is.EqualTo(status));
    }

    [Test]
    public async Task Several_fields_are_one_list()
    {
        await using var server = TestServer.Start(o => o with { MaxClientsPerAddress = 1, TrustProxy = true });
        using var one = new RawRequest(server.Port);
        await one.SendAsync(RawRequest.Head(server.Port, "GET /events", "X-Forwarded-For: 192.0.2.9", "X-Forwarded-For: 192.0.2.1"));
        await one.ReadUntilAsync("hello");
        using var refused = await server.SendAsync("GET", "/events", ("X-Forwarded-For", "192.0.2.1"));
        Assert.That((int)refused.StatusCode, Is.EqualTo(429));
    }

    [Test]
    public async Task Nobody_else_is_believed()
    {
        await using var server = TestServer.Start(o => o with { MaxClientsPerAddress = 1 });
        using var one = await server.SendAsync("GET", "/events", ("X-Forwarded-For", "192.0.2.1"));
        using var other = await server.SendAsync("GET", "/events", ("X-Forwarded-For", "192.0.2.2"));
        Assert.That(((int)one.StatusCode, (int)other.StatusCode), Is.EqualTo((200, 429)));
    }

    [Test]
    public void A_proxy_elsewhere_is_not_believed()
    {
        // An address of this network, as a bare socket cannot have here: the request is asked for its own only.
        var places = new Http.ClientPlaces(new ServerOptions { TrustProxy = true, MaxClientsPerAddress = 1, MaxClients = 1 });
        Assert.That(places.AddressOf(System.Net.IPAddress.Parse("198.51.100.7"), "192.0.2.1"), Is.EqualTo(System.Net.IPAddress.Parse("198.51.100.7")));
        Assert.That(places.AddressOf(System.Net.IPAddress.Loopback, "192.0.2.1"), Is.EqualTo(System.Net.IPAddress.Parse("192.0.2.1")));
        Assert.That(places.AddressOf(System.Net.IPAddress.IPv6Loopback, "192.0.2.1"), Is.EqualTo(System.Net.IPAddress.Parse("192.0.2.1")));
    }

    [Test]
    public void Who_finds_no_room_leaves_the_count_of_his_address_as_it_was()
    {
        var places = new Http.ClientPlaces(new ServerOptions { MaxClientsPerAddress = 2, MaxClients = 2 });
        var (one, other) = (System.Net.IPAddress.Parse("192.0.2.1"), System.Net.IPAddress.Parse("192.0.2.2"));
        Assert.That(places.TryTake(one, out _));
        Assert.That(places.TryTake(other, out _));
        for (var i = 0; i < 5; i++)
        {
            Assert.That(places.TryTake(one, out var full), Is.False);
            Assert.That(full!.Status, Is.EqualTo(503));
        }

        places.Release(other);
        Assert.That(places.TryTake(one, out _));
        places.Release(one);
        places.Release(one);
        Assert.That(places.TryTake(one, out _));
    }

    [Test]
    public async Task A_refused_request_takes_no_place()
    {
        await using var server = TestServer.Start(o => o with { MaxClientsPerAddress = 1, MaxClients = 5, MaxChannels = 1 });
        for (var i = 0; i < 10; i++)
        {
            using var bad = await server.SendAsync("GET", "/events?channel=%20");
            using var full = await server.SendAsync("GET", string.Create(CultureInfo.InvariantCulture, $"/events?channel=a{i}&channel=b"));
            Assert.That(((int)bad.StatusCode, (int)full.StatusCode), Is.EqualTo((400, 503)));
        }

        await using var client = await server.SubscribeAsync();
        for (var i = 0; i < 10; i++)
        {
            using var more = await server.SendAsync("GET", "/events");
            Assert.That((int)more.StatusCode, Is.EqualTo(429));
        }

        await client.DisposeAsync();
        await Wait.UntilAsync(() => server.Server.Clients.Count == 0, "it is still there");
        await using var next = await server.SubscribeAsync();
    }
}
