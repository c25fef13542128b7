using System.Net;
using System.Net.Sockets;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>The same port at the addresses of IPv6, by the names that have them.</summary>
[Platform("Linux")]
public sealed class ListeningOnIPv6
{
    [TestCase("localhost", "localhost")]
    [TestCase("localhost", "LOCALHOST.")]
    [TestCase("+", "localhost")]
    [TestCase("+", "any.example")]
    public async Task A_name_is_served_at_both_addresses(string host, string name)
    {
        await using var server = TestServer.Start(o => o with { Host = host, OpenPublish = true });
        foreach (var address in (IPAddress[])[IPAddress.Loopback, IPAddress.IPv6Loopback])
        {
            using var client = Connect(address, server.Port);
            await client.SendAsync($"GET /events HTTP/1.1\r\nHost: {name}:{server.Port}\r\n\r\n");
            Assert.That(await client.ReadUntilAsync("\r\n\r\n"), Does.StartWith("HTTP/1.1 200 "));
        }
    }

    [TestCase("localhost", "[::1]")]
    [TestCase("localhost", "[0:0:0:0:0:0:0:1]")]
    [TestCase("+", "[::1]")]
    [TestCase("[::1]", "[::1]")]
    public async Task An_address_in_a_URL_is_served(string host, string address)
    {
        await using var server = TestServer.Start(o => o with { Host = host, OpenPublish = true });
        using var client = Connect(IPAddress.IPv6Loopback, server.Port);
        await client.SendAsync($"GET / HTTP/1.1\r\nHost: {address}:{server.Port}\r\n\r\n");
        Assert.That(await client.ReadUntilAsync(TestServer.EmptyPage), Does.StartWith("HTTP/1.1 200 "));
        var body = "\nHost: [::1]\n";
        await client.SendAsync(
            $"POST /events HTTP/1.1\r\nHost: {address}:{server.Port}\r\nOrigin: http://{address}:{server.Port}\r\n"
            + $"Content-Type: text/plain\r\nContent-Length: {body.Length}\r\n\r\n{body}");
        await client.ReadUntilAsync("{\"id\":\"");
        await client.SendAsync($"GET /events?lastEventId=earliest HTTP/1.1\r\nHost: {address}:{server.Port}\r\n\r\n");
        await client.ReadUntilAsync("data: Host: [::1]\n");
    }

    // With "%" .NET takes anything for a part of an address, so that other fields would be read as one.
    [TestCase("[::2]")]
    [TestCase("[::1")]
    [TestCase("[x]")]
    [TestCase("[::1%\r\nX-Forwarded-For: 192.0.2.1\r\nZ: ]")]
    [TestCase("[::1%lo]")]
    public async Task Another_address_in_a_URL_is_refused(string address)
    {
        await using var server = TestServer.Start();
        using var client = Connect(IPAddress.IPv6Loopback, server.Port);
        await client.SendAsync($"GET / HTTP/1.1\r\nHost: {address}:{server.Port}\r\n\r\n");
        Assert.That(await client.ReadUntilAsync("\r\n\r\n"), Does.StartWith(address == "[::2]" ? "HTTP/1.1 421 " : "HTTP/1.1 400 "));
    }

    [Test]
    public async Task An_address_of_IPv4_is_served_nowhere_else()
    {
        await using var server = TestServer.Start(o => o with { Host = "127.0.0.1" });
        Assert.That(() => Connect(IPAddress.IPv6Loopback, server.Port), Throws.InstanceOf<SocketException>());
    }

    [Test]
    public async Task A_connection_without_a_request_is_cut()
    {
        await using var server = TestServer.Start(o => o with { IdleTimeout = TimeSpan.FromSeconds(1) });
        using var silent = Connect(IPAddress.IPv6Loopback, server.Port);
        Assert.That(await silent.ReadToEndAsync(), Is.Empty);
        await server.LogsAsync("no request for longer than the idle timeout");
    }

    [Test]
    public async Task Clients_at_one_address_are_counted()
    {
        await using var server = TestServer.Start(o => o with { MaxClientsPerAddress = 1 });
        using var first = Connect(IPAddress.IPv6Loopback, server.Port);
        using var second = Connect(IPAddress.IPv6Loopback, server.Port);
        var request = $"GET /events HTTP/1.1\r\nHost: localhost:{server.Port}\r\n\r\n";
        await first.SendAsync(request);
        Assert.That(await first.ReadUntilAsync("\r\n\r\n"), Does.StartWith("HTTP/1.1 200 "));
        await second.SendAsync(request);
        Assert.That(await second.ReadToEndAsync(), Is.Empty);
        await using var other = await server.SubscribeAsync();
    }

    [Test]
    public async Task A_port_that_somebody_else_has_there_is_not_opened()
    {
        using var other = new TcpListener(IPAddress.IPv6Loopback, 0);
        other.Start();
        var port = ((IPEndPoint)other.LocalEndpoint).Port;
        using var program = BuiltProgram.Start($"--port {port}");
        Assert.That(await program.EndAsync(), Is.EqualTo(1));
        Assert.That(program.Errors, Is.EqualTo($"Port {port} is in use."));
    }

    private static RawRequest Connect(IPAddress address, int port) => new(port, address: address);
}
