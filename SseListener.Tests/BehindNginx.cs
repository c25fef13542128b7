using System.Net;
using System.Net.Http.Headers;
using System.Text;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>What clients see through nginx with the README's configuration, over TLS and HTTP/2.</summary>
public sealed class BehindNginx
{
    private const string Token = "the-publish-token";
    private const int Streams = 20;

    [Test]
    public async Task An_event_arrives_at_once_on_20_streams_over_one_connection()
    {
        await using var server = Start();
        using var nginx = await Nginx.StartAsync(server.Port);
        var connections = 0;
        using var http = nginx.Connect(() => Interlocked.Increment(ref connections));
        var streams = await Task.WhenAll(Enumerable.Range(0, Streams).Select(_ => EventStream.OpenAsync(http, "/events")));
        for (var i = 0; i < 10; i++)
        {
            // Each is waited for before there is another that could push it out of a buffer.
            var id = await PublishAsync(http, "some");
            foreach (var stream in streams)
            {
                Assert.That((await stream.NextAsync()).EventId, Is.EqualTo(id));
            }
        }

        Assert.That(connections, Is.EqualTo(1));
        Assert.That(server.Server.Clients, Has.Count.EqualTo(Streams));
    }

    private static TestServer Start(Func<ServerOptions, ServerOptions>? change = null) =>
        TestServer.Start(o => (change ?? (same => same))(o with { PresenceLimit = 0, TrustProxy = true, PublishToken = Token }));

    private static async Task<string> PublishAsync(HttpClient http, string text)
    {
        using var answer = await PostAsync(http, text, Token);
        var body = await answer.Content.ReadAsStringAsync();
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.OK), body);
        return body["{\"id\":\"".Length..^2];
    }

    private static async Task<HttpResponseMessage> PostAsync(HttpClient http, string text, string? token, string? origin = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/events");
        request.Content = new StringContent(text, Encoding.UTF8, "text/plain");
        request.Headers.Authorization = token is null ? null : new AuthenticationHeaderValue("Bearer", token);
        if (origin is not null)
        {
            request.Headers.Add("Origin", origin);
        }

        return await http.SendAsync(request);
    }
}
