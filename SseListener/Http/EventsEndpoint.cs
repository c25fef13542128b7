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

    /// <summary>Holds the response open until the client has gone.</summary>
    public Task SubscribeAsync(Exchange exchange)
    {
        if (!Channels.TryRead(exchange.Target, out var channel, out var problem))
        {
            return responses.ProblemAsync(exchange, 400, problem);
        }

        if (Interlocked.Increment(ref _places) > options.MaxClients)
        {
            Interlocked.Decrement(ref _places);
            return responses.UnavailableAsync(exchange, $"{options.MaxClients} clients are connected already.");
        }

        return StreamAsync(exchange, channel);
    }

    // The one async method that lasts as long as a stream: each costs about 130 bytes a client.
    private async Task StreamAsync(Exchange exchange, string channel)
    {
        Client? client = null;
        try
        {
            client = await OpenAsync(exchange, channel);
            if (client is not null)
            {
                var reason = await client.Ended;
                log.Info(reason is EndReason.Left
                    ? $"connection closed by client {client.Id}"
                    : $"closed the connection of client {client.Id}: {Describe(reason)}");
            }
        }
        finally
        {
            if (client is not null)
            {
                Close(exchange, client);
            }

            Interlocked.Decrement(ref _places);
        }
    }

    private async Task<Client?> OpenAsync(Exchange exchange, string channel)
    {
        var id = NanoId.Generate();
        var lastEventId = LastEventId(exchange);
        if (await hub.SubscribeAsync(channel, id, lastEventId) is not { } subscription)
        {
            await responses.UnavailableAsync(exchange, "The server is stopping.");
            return null;
        }

        var client = new Client(id, exchange.Response.OutputStream, subscription);
        clients[id] = client;
        departures.Add(exchange.Connection, client);
        try
        {
            SetHeaders(exchange.Response);
            await responses.WriteAsync(exchange, Greeting(id, channel, subscription.HasGap ? lastEventId : null));
            Forget(exchange);
        }
        catch
        {
            Close(exchange, client);
            throw;
        }

        lanes.Next().Add(client);

        // The stop may have gone through the dictionary just before this client was in it.
        if (hub.IsComplete)
        {
            client.End(EndReason.ServerStop);
        }

        log.Info($"client {id} connected from {exchange.Connection.Remote}");
        return client;
    }

    private void Close(Exchange exchange, Client client)
    {
        client.Lane?.Remove(client);
        departures.Remove(exchange.Connection, client);
        clients.TryRemove(client.Id, out _);
        hub.Unsubscribe(client.Log, client.Id);
        exchange.Response.Abort();
    }

    // Both heads have done their work, and HttpListener would keep them for as long as the stream lasts.
    private static void Forget(Exchange exchange)
    {
        exchange.Request.Headers.Clear();
        exchange.Response.Headers.Clear();
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
