using System.Globalization;
using System.Text.RegularExpressions;
using SseListener.Events;
using SseListener.Log;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>What a client gets when it subscribes.</summary>
public sealed class Connecting
{
    [Test]
    public async Task A_client_gets_the_headers_of_an_event_stream()
    {
        await using var server = TestServer.Start();
        using var raw = new RawRequest(server.Port);
        await raw.SendAsync($"GET /events HTTP/1.1\r\nHost: localhost:{server.Port}\r\n\r\n");
        var head = (await raw.ReadUntilAsync("\r\n\r\n")).Split("\r\n\r\n")[0].Split("\r\n");
        Assert.That(head[0], Is.EqualTo("HTTP/1.1 200 OK"));
        Assert.That(head, Does.Contain("Content-Type: text/event-stream"));
        Assert.That(head, Does.Contain("Cache-Control: no-cache, no-transform"));
        Assert.That(head, Does.Contain("Connection: close"));
        Assert.That(head, Does.Contain("X-Accel-Buffering: no"));
        Assert.That(head, Does.Contain("Transfer-Encoding: chunked"));
        Assert.That(head, Has.None.StartsWith("Content-Length"));
    }

    [Test]
    public async Task The_greeting_comes_at_once_and_to_the_byte()
    {
        await using var server = TestServer.Start();
        using var raw = new RawRequest(server.Port);
        await raw.SendAsync($"GET /events HTTP/1.1\r\nHost: localhost:{server.Port}\r\n\r\n");
        await raw.ReadUntilAsync("\n\n\r\n");
        Assert.That(raw.Body, Does.Match("""^event: hello\ndata: \{"client":"[A-Za-z0-9_-]{10}","channels":\["default"\]\}\nretry: [0-9]+\nid: @[A-Za-z0-9_-]{22}\n\n$"""));
    }

    [Test]
    public async Task The_delay_before_reconnecting_differs_by_up_to_a_quarter()
    {
        await using var server = TestServer.Start(o => o with { Retry = TimeSpan.FromSeconds(4) });
        var delays = new HashSet<int>();
        for (var i = 0; i < 20; i++)
        {
            using var raw = new RawRequest(server.Port);
            await raw.SendAsync($"GET /events HTTP/1.1\r\nHost: localhost:{server.Port}\r\n\r\n");
            delays.Add(int.Parse(Regex.Match(await raw.ReadUntilAsync("\n\n"), "retry: ([0-9]+)").Groups[1].Value, CultureInfo.InvariantCulture));
        }

        Assert.That(delays, Is.All.InRange(3000, 5000));
        Assert.That(delays, Has.Count.GreaterThan(1));
    }

    [Test]
    public async Task Every_client_has_a_NanoId_of_its_own_and_is_held_by_it()
    {
        await using var server = TestServer.Start();
        await using var first = await server.SubscribeAsync();
        await using var second = await server.SubscribeAsync();
        Assert.That(first.ClientId, Is.Not.EqualTo(second.ClientId));
        Assert.That(first.ClientId, Has.Length.EqualTo(10).And.All.Matches<char>(c => NanoId.Alphabet.Contains(c, StringComparison.Ordinal)));
        Assert.That(server.Server.Clients.Keys, Is.EquivalentTo(new[] { first.ClientId, second.ClientId }));
    }

    [Test]
    public async Task The_request_is_logged_and_its_headers_at_debug()
    {
        await using var server = TestServer.Start();
        await using var client = await server.SubscribeAsync(lastEventId: "some-id");
        await server.LogsAsync($"client {client.ClientId} connected");
        Assert.That(server.Logged, Does.Match("info  GET /events from 127.0.0.1:[0-9]+"));
        Assert.That(server.Logged, Does.Match("debug .*Last-Event-ID: some-id"));
    }

    [Test]
    public async Task The_headers_are_not_logged_at_info()
    {
        await using var server = TestServer.Start(o => o with { LogLevel = LogLevel.Info });
        await using var client = await server.SubscribeAsync(lastEventId: "some-id");
        await server.LogsAsync($"client {client.ClientId} connected");
        Assert.That(server.Logged, Does.Not.Contain("some-id"));
    }
}
