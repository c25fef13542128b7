using System.Globalization;
using SseListener.Http;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>How many clients there may be at one address.</summary>
public sealed class CountingAddresses
{
    [Test]
    public async Task One_more_is_closed_until_another_goes()
    {
        await using var server = TestServer.Start(o => o with { MaxClientsPerAddress = 2, MaxClients = 3 });
        await using var first = await server.SubscribeAsync();
        await using var second = await server.SubscribeAsync("?channel=a");
        Assert.That(await server.IsAdmittedAsync(), Is.False);
        await server.LogsAsync("429: 2 clients of this address are connected already (--max-clients-per-address).");
        await first.DisposeAsync();
        await Wait.UntilAsync(() => server.Server.Clients.Count == 1, "it is still there");
        await using var third = await server.SubscribeAsync();
        Assert.That(await server.IsAdmittedAsync(), Is.False);
    }

    [TestCase("192.0.2.1", "192.0.2.1", false)]
    [TestCase("192.0.2.1", "192.0.2.2", true)]
    [TestCase("192.0.2.1", "192.0.2.2, 192.0.2.1", false)]
    [TestCase("192.0.2.1", "192.0.2.1, 192.0.2.2", true)]
    [TestCase("192.0.2.1", "::ffff:192.0.2.1", false)]
    [TestCase("2001:db8::1", "2001:db8:0::1", false)]
    [TestCase("2001:db8::1", "2001:db8::2:0:0:1", false)]
    [TestCase("2001:db8::1", "2001:db8:0:1::1", true)]
    [TestCase("192.0.2.1", "", true)]
    [TestCase("", "not an address", false)]
    public async Task Behind_a_proxy_that_is_trusted_the_last_address_that_it_names_counts(string first, string second, bool isAdmitted)
    {
        await using var server = TestServer.Start(o => o with { MaxClientsPerAddress = 1, TrustProxy = true });
        using var one = await server.SendAsync("GET", "/events", ("X-Forwarded-For", first));
        Assert.That((int)one.StatusCode, Is.EqualTo(200));
        Assert.That(await server.IsAdmittedAsync("", ("X-Forwarded-For", second)), Is.EqualTo(isAdmitted));
    }

    [Test]
    public async Task Several_fields_are_one_list()
    {
        await using var server = TestServer.Start(o => o with { MaxClientsPerAddress = 1, TrustProxy = true });
        using var one = new RawRequest(server.Port);
        await one.SendAsync(RawRequest.Head(server.Port, "GET /events", "X-Forwarded-For: 192.0.2.9", "X-Forwarded-For: 192.0.2.1"));
        await one.ReadUntilAsync("hello");
        Assert.That(await server.IsAdmittedAsync("", ("X-Forwarded-For", "192.0.2.1")), Is.False);
    }

    [Test]
    public async Task Nobody_else_is_believed()
    {
        await using var server = TestServer.Start(o => o with { MaxClientsPerAddress = 1 });
        using var one = await server.SendAsync("GET", "/events", ("X-Forwarded-For", "192.0.2.1"));
        Assert.That((int)one.StatusCode, Is.EqualTo(200));
        Assert.That(await server.IsAdmittedAsync("", ("X-Forwarded-For", "192.0.2.2")), Is.False);
    }

    [Test]
    public void A_proxy_elsewhere_is_not_believed()
    {
        // An address of this network, as a bare socket cannot have here: the request is asked for its own only.
        var slots = new Http.ClientSlots(new ServerOptions { TrustProxy = true, MaxClientsPerAddress = 1, MaxClients = 1 });
        Assert.That(slots.AddressOf(System.Net.IPAddress.Parse("198.51.100.7"), "192.0.2.1"), Is.EqualTo(System.Net.IPAddress.Parse("198.51.100.7")));
        Assert.That(slots.AddressOf(System.Net.IPAddress.Loopback, "192.0.2.1"), Is.EqualTo(System.Net.IPAddress.Parse("192.0.2.1")));
        Assert.That(slots.AddressOf(System.Net.IPAddress.IPv6Loopback, "192.0.2.1"), Is.EqualTo(System.Net.IPAddress.Parse("192.0.2.1")));
    }

    [Test]
    public void Who_finds_no_room_leaves_the_count_of_his_address_as_it_was()
    {
        var slots = new Http.ClientSlots(new ServerOptions { MaxClientsPerAddress = 2, MaxClients = 2 });
        var (one, other) = (System.Net.IPAddress.Parse("192.0.2.1"), System.Net.IPAddress.Parse("192.0.2.2"));
        Assert.That(slots.TryAcquire(one, out _));
        Assert.That(slots.TryAcquire(other, out _));
        for (var i = 0; i < 5; i++)
        {
            Assert.That(slots.TryAcquire(one, out var full), Is.False);
            Assert.That(full!.Status, Is.EqualTo(503));
        }

        slots.Release(other);
        Assert.That(slots.TryAcquire(one, out _));
        slots.Release(one);
        slots.Release(one);
        Assert.That(slots.TryAcquire(one, out _));
    }

    [Test]
    public async Task A_refused_request_takes_no_place()
    {
        await using var server = TestServer.Start(o => o with { MaxClientsPerAddress = 1, MaxClients = 5, MaxChannels = 1 });
        for (var i = 0; i < 10; i++)
        {
            using var bad = await server.SendAsync("GET", "/events?channel=%20");
            Assert.That((int)bad.StatusCode, Is.EqualTo(400));
            Assert.That(await server.IsAdmittedAsync(string.Create(CultureInfo.InvariantCulture, $"?channel=a{i}&channel=b")), Is.False);
        }

        await using var client = await server.SubscribeAsync();
        for (var i = 0; i < 10; i++)
            Assert.That(await server.IsAdmittedAsync(), Is.False);

        await client.DisposeAsync();
        await Wait.UntilAsync(() => server.Server.Clients.Count == 0, "it is still there");
        await using var next = await server.SubscribeAsync();
    }
}
