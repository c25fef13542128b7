using System.Buffers;
using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using SseListener.Delivery;
using SseListener.Events;
using SseListener.Metrics;

namespace SseListener.Http;

/// <summary><c>GET /events</c>: headers, a place in the log, a greeting, and then a lane does the rest until the client goes.</summary>
internal sealed class EventsEndpoint(
    ServerOptions options,
    ConcurrentDictionary<string, Client> clients,
    EventHub hub,
    DeliveryLanes lanes,
    DepartureWatch departures,
    ClientPlaces places,
    Access access,
    Responses responses,
    ServerMetrics metrics,
    Log log)
{
    // 2^53-1, a length no stream reaches and every client can hold. With a length a frame is one send; chunked it would be
    // three, two of them on the calling thread, and a client that stalls would hold that thread (DESIGN, section 2).
    private const long Endless = 9_007_199_254_740_991;

    /// <summary>Holds the response open until the client has gone.</summary>
    public async Task SubscribeAsync(Exchange exchange)
    {
        // This is the one async method that lasts as long as a stream: each costs about 130 bytes a client.
        Client? client = null;
        var address = places.AddressOf(exchange);
        try
        {
            client = await AdmitAsync(exchange, address);
            if (client is not null)
            {
                var reason = await client.Ended;
                metrics.CountEnded(reason);
                log.Often(LogLevel.Info, $"stream ended {ServerMetrics.NameOf(reason)}", reason is EndReason.Left
                    ? $"connection closed by client {client.Id}"
                    : $"closed the connection of client {client.Id}: {Describe(reason)}");
            }
        }
        finally
        {
            if (client is not null)
            {
                Close(exchange, client);
                places.Release(address);
            }
        }
    }

    private async Task<Client?> AdmitAsync(Exchange exchange, IPAddress address)
    {
        if (!Channels.TryReadAll(exchange.Target, out var topics, out var problem)
            || !TryReadEnvelope(exchange.Target, out var isEnveloped, out problem))
        {
            await responses.ProblemAsync(exchange, 400, problem);
            return null;
        }

        var (grant, refusal) = await access.SubscribeAsync(exchange, topics);
        if (grant is null || !places.TryTake(address, out refusal))
        {
            await responses.RefuseAsync(exchange, refusal!);
            return null;
        }

        Client? client = null;
        try
        {
            var request = new SubscribeRequest(NanoId.Generate(), new Selection(topics, grant.MayHear), isEnveloped, LastEventId(exchange));
            return client = await OpenAsync(exchange, request, grant);
        }
        finally
        {
            if (client is null)
            {
                places.Release(address);
            }
        }
    }

    private async Task<Client?> OpenAsync(Exchange exchange, SubscribeRequest request, Grant grant)
    {
        if (await hub.SubscribeAsync(request) is not SubscribeResult.Subscription subscription)
        {
            await responses.RefuseAsync(exchange, hub.IsComplete ? Refusal.Stopping : Refusal.Later(503, "channel_limit", $"There are {options.MaxChannels} channels already."));
            return null;
        }

        var client = new Client(request.Client, exchange.Response.OutputStream, subscription, LifetimeOf(grant));
        clients[client.Id] = client;
        departures.Add(exchange.Connection, client);
        try
        {
            SetHeaders(exchange.Response);
            await responses.WriteAsync(exchange, Greeting(request, subscription.HasGap));
            exchange.Forget();
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

        metrics.CountConnect();
        log.Often(LogLevel.Info, "connected", $"client {client.Id} connected from {exchange.Connection.Remote}");
        return client;
    }

    private void Close(Exchange exchange, Client client)
    {
        client.Lane?.Remove(client);
        departures.Remove(exchange.Connection, client);
        clients.TryRemove(client.Id, out _);
        hub.Unsubscribe(client.Subscription, client.Id);
        exchange.Response.Abort();
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

    private byte[] Greeting(SubscribeRequest request, bool hasGap)
    {
        var greeting = new ArrayBufferWriter<byte>();
        // A quarter more or less, so that a restart does not bring everyone back in the same instant.
        SseFrame.WriteHello(greeting, request.Client, request.Selection.Topics, (int)Math.Min(int.MaxValue, Jittered(options.Retry, parts: 4)));
        if (hasGap)
        {
            SseFrame.WriteGap(greeting, request.LastEventId!);
        }

        return greeting.WrittenSpan.ToArray();
    }

    private Lifetime LifetimeOf(Grant grant)
    {
        // Up to a fifth more or less: those that came together are not to go together.
        var oldest = options.MaxAge > TimeSpan.Zero ? Environment.TickCount64 + Jittered(options.MaxAge, parts: 5) : long.MaxValue;
        return grant.ExpiryTicks < oldest ? new Lifetime(grant.ExpiryTicks, EndReason.TokenExpired) : new Lifetime(oldest, EndReason.MaxAge);
    }

    // In milliseconds; up to one of so many parts more or less.
    private static long Jittered(TimeSpan time, int parts)
    {
        var milliseconds = (long)time.TotalMilliseconds;
        return milliseconds + (milliseconds / parts * RandomNumberGenerator.GetInt32(-1000, 1001) / 1000);
    }

    // EventSource sends the header when it reconnects by itself; polyfills, and pages that reload, use the query.
    private static string? LastEventId(Exchange exchange)
    {
        // The header's bytes are UTF-8 (WHATWG HTML, section 9.2.4), and HttpListener reads them as Latin-1.
        var header = Encoding.UTF8.GetString(Encoding.Latin1.GetBytes(exchange.Request.Headers["Last-Event-ID"] ?? ""));
        var id = header.Length > 0 ? header : exchange.Target.First("lastEventId") ?? exchange.Target.First("last_event_id");
        return string.IsNullOrEmpty(id) ? null : id;
    }

    private static bool TryReadEnvelope(RequestTarget target, out bool isEnveloped, [NotNullWhen(false)] out string? problem)
    {
        var value = target.First("envelope");
        isEnveloped = value is "1";
        problem = value is null or "0" or "1" ? null : "envelope is 0 or 1.";
        return problem is null;
    }

    private static string Describe(EndReason reason) => reason switch
    {
        EndReason.Lapped => "it read so slowly that what it was to get next is no longer kept",
        EndReason.TokenExpired => "its token has expired",
        EndReason.MaxAge => "it has been open for as long as streams may be",
        EndReason.Dismissed => "it was dismissed",
        EndReason.WriteTimeout => "a write to it took longer than the write timeout",
        _ => "the server stops",
    };
}
