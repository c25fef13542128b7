using System.Buffers;
using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using SseListener.Delivery;
using SseListener.Events;

namespace SseListener.Http;

/// <summary><c>GET /events</c>: headers, a place in the log, a greeting, and then a lane does the rest until the client goes.</summary>
internal sealed class EventsEndpoint(
    ServerOptions options,
    ConcurrentDictionary<string, Client> clients,
    EventHub hub,
    DeliveryLanes lanes,
    DepartureWatch departures,
    Responses responses,
    Log log)
{
    // 2^53-1, a length no stream reaches and every client can hold. With a length a frame is one send; chunked it would be
    // three, two of them on the calling thread, and a client that stalls would hold that thread (DESIGN, section 2).
    private const long Endless = 9_007_199_254_740_991;

    private int _places;

    /// <summary>Holds the response open and returns when the client has gone.</summary>
    public async Task SubscribeAsync(Exchange exchange)
    {
        if (!Channels.TryRead(exchange.Target, out var channel, out var problem))
        {
            await responses.ProblemAsync(exchange, 400, problem);
        }
        else if (Interlocked.Increment(ref _places) > options.MaxClients)
        {
            Interlocked.Decrement(ref _places);
            await responses.UnavailableAsync(exchange, $"{options.MaxClients} clients are connected already.");
        }
        else
        {
            try
            {
                await StreamAsync(exchange, channel);
            }
            finally
            {
                Interlocked.Decrement(ref _places);
            }
        }
    }

    private async Task StreamAsync(Exchange exchange, string channel)
    {
        var id = NanoId.Generate();
        var lastEventId = LastEventId(exchange);
        if (await hub.SubscribeAsync(channel, id, lastEventId) is not { } subscription)
        {
            await responses.UnavailableAsync(exchange, "The server is stopping.");
            return;
        }

        try
        {
            SetHeaders(exchange.Response);
            var greeting = Greeting(id, channel, subscription.HasGap ? lastEventId : null);
            await ServeAsync(exchange, new Client(id, exchange.Response.OutputStream, subscription, greeting));
        }
        finally
        {
            exchange.Response.Abort();
            hub.Unsubscribe(subscription.Log, id);
        }
    }

    private async Task ServeAsync(Exchange exchange, Client client)
    {
        var lane = lanes.Next();
        var connection = exchange.Connection;
        clients[client.Id] = client;
        departures.Add(connection, client);
        lane.Add(client);
        try
        {
            // The stop may have gone through the dictionary just before this client was in it.
            if (hub.IsComplete)
            {
                client.End(EndReason.ServerStop);
            }

            log.Info($"client {client.Id} connected from {connection.Remote}");
            var reason = await client.Ended;
            log.Info(reason is EndReason.Left
                ? $"connection closed by client {client.Id}"
                : $"closed the connection of client {client.Id}: {Describe(reason)}");
        }
        finally
        {
            lane.Remove(client);
            departures.Remove(connection, client);
            clients.TryRemove(client.Id, out _);
        }
    }

    private static void SetHeaders(HttpListenerResponse response)
    {
        response.StatusCode = (int)HttpStatusCode.OK;
        response.ContentType = "text/event-stream";
        response.ContentLength64 = Endless;
        response.Headers["Cache-Control"] = "no-cache, no-transform";
        response.Headers["Connection"] = "keep-alive";
        response.Headers["X-Accel-Buffering"] = "no";
    }

    private byte[] Greeting(string id, string channel, string? missing)
    {
        var greeting = new ArrayBufferWriter<byte>();
        SseFrame.WriteHello(greeting, id, [channel], Jittered(options.Retry));
        if (missing is not null)
        {
            SseFrame.WriteGap(greeting, missing);
        }

        return greeting.WrittenSpan.ToArray();
    }

    // A quarter more or less, so that a restart does not bring everyone back in the same instant.
    private static int Jittered(TimeSpan retry)
    {
        var milliseconds = (int)Math.Min(retry.TotalMilliseconds, int.MaxValue / 2);
        return milliseconds + RandomNumberGenerator.GetInt32(-(milliseconds / 4), (milliseconds / 4) + 1);
    }

    // EventSource sends the header when it reconnects by itself; polyfills, and pages that reload, use the query.
    private static string? LastEventId(Exchange exchange)
    {
        // The header's bytes are UTF-8 (WHATWG HTML, section 9.2.4), and HttpListener reads them as Latin-1.
        var header = Encoding.UTF8.GetString(Encoding.Latin1.GetBytes(exchange.Request.Headers["Last-Event-ID"] ?? ""));
        var id = header.Length > 0 ? header : exchange.Target.First("lastEventId") ?? exchange.Target.First("last_event_id");
        return string.IsNullOrEmpty(id) ? null : id;
    }

    private static string Describe(EndReason reason) => reason switch
    {
        EndReason.Lapped => "it read so slowly that what it was to get next is no longer kept",
        EndReason.WriteTimeout => "a write to it took longer than the write timeout",
        _ => "the server stops",
    };
}
