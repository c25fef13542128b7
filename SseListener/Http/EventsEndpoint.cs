using System.Buffers;
using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Security.Cryptography;
using SseListener.Access;
using SseListener.Delivery;
using SseListener.Events;
using SseListener.Listener;
using SseListener.Log;
using SseListener.Metrics;

namespace SseListener.Http;

/// <summary><c>GET /events</c>: headers, a place in the log, a greeting, and then a lane does the rest until the client goes.</summary>
internal sealed class EventsEndpoint(
    ServerOptions options,
    ConcurrentDictionary<string, Client> clients,
    EventHub hub,
    DeliveryLanes lanes,
    ClientPlaces places,
    Permissions access,
    Responses responses,
    ServerMetrics metrics,
    LogWriter log)
{
    /// <summary>Holds the response open until the client has gone.</summary>
    public async Task SubscribeAsync(Exchange exchange)
    {
        // This is the one async method that lasts as long as a stream: each costs about 130 bytes a client, and what it still needs.
        var address = places.AddressOf(exchange);
        if (await AdmitAsync(exchange, address) is not (var client, var greeting))
        {
            return;
        }

        try
        {
            clients[client.Id] = client;
            SetHeaders(exchange);
            await responses.WriteAsync(exchange, greeting);
            exchange.ReleaseRequest();
            Begin(exchange, client);
            End(exchange, client, await client.Ended);
        }
        finally
        {
            clients.TryRemove(client.Id, out _);
            hub.Unsubscribe(client.Subscription);
            places.Release(address);
            exchange.Break();
        }
    }

    /// <summary>Answers HEAD: with what GET would be answered, short of a client that takes a place.</summary>
    public async Task ShowHeadAsync(Exchange exchange)
    {
        if (await PermitAsync(exchange) is not null)
        {
            SetHeaders(exchange);
            await responses.SendHeadAsync(exchange);
        }
    }

    private async Task<(IReadOnlyList<string> Topics, bool IsEnveloped, Grant Grant)?> PermitAsync(Exchange exchange)
    {
        if (!Channels.TryReadAll(exchange.Target, out var topics, out var problem)
            || !TryReadEnvelope(exchange.Target, out var isEnveloped, out problem))
        {
            await responses.ProblemAsync(exchange, 400, problem);
            return null;
        }

        var (grant, refusal) = await access.SubscribeAsync(exchange, topics);
        if (grant is not null)
        {
            return (topics, isEnveloped, grant);
        }

        await responses.RefuseAsync(exchange, refusal!);
        return null;
    }

    private async Task<(Client Client, byte[] Greeting)?> AdmitAsync(Exchange exchange, IPAddress address)
    {
        if (await PermitAsync(exchange) is not (var topics, var isEnveloped, var grant))
        {
            return null;
        }

        if (!places.TryTake(address, out var refusal))
        {
            await responses.RefuseAsync(exchange, refusal);
            return null;
        }

        var request = new SubscribeRequest(NanoId.Generate(), new Selection(topics, grant.MayHear), isEnveloped, exchange.LastEventId);
        SubscribeResult.Subscription? subscription = null;
        var isAdmitted = false;
        try
        {
            subscription = await hub.SubscribeAsync(request) as SubscribeResult.Subscription;
            if (subscription is null)
            {
                await responses.RefuseAsync(exchange, hub.IsComplete ? Refusal.Stopping : Refusal.Later(503, "channel_limit", $"There are {options.MaxChannels} channels already."));
                return null;
            }

            var admitted = (new Client(request.Client, OutputOf(exchange), subscription, LifetimeOf(grant)), Greeting(request, subscription));
            isAdmitted = true;
            return admitted;
        }
        finally
        {
            if (!isAdmitted)
            {
                places.Release(address);
                if (subscription is not null)
                {
                    hub.Unsubscribe(subscription);
                }
            }
        }
    }

    private static Output OutputOf(Exchange exchange) =>
        exchange.Socket is { } socket ? new SocketOutput(socket, IsChunked(exchange), StreamSocket.TakenBy) : new StreamOutput(exchange.Response.OutputStream, () => exchange.Break());

    // HTTP/1.0 has no chunks: there the end of the connection is the end of the stream (RFC 9112, section 6.3).
    private static bool IsChunked(Exchange exchange) => exchange.Request.ProtocolVersion >= HttpVersion.Version11;

    private static void SetHeaders(Exchange exchange)
    {
        var response = exchange.Response;
        response.StatusCode = (int)HttpStatusCode.OK;
        response.ContentType = "text/event-stream";
        if (IsChunked(exchange))
        {
            // Never set to false, by which HttpListener understands a length of 0.
            response.SendChunked = true;
        }

        // No other request follows on the connection: reading on it is how its client's going is noticed.
        response.KeepAlive = false;
        response.Headers["Cache-Control"] = "no-cache, no-transform";
        response.Headers["X-Accel-Buffering"] = "no";
    }

    private void Begin(Exchange exchange, Client client)
    {
        if (exchange.Socket is { } socket)
        {
            StreamSocket.Prepare(socket, options.WriteTimeout);
            _ = Departure.WatchAsync(socket, client);
        }

        lanes.Next().Add(client);

        // The stop may have gone through the dictionary just before this client was in it.
        if (hub.IsComplete)
        {
            client.End(EndReason.ServerStop);
        }

        metrics.CountConnect();
        log.Often(LogLevel.Info, "connected", $"client {client.Id} connected from {exchange.Remote}");
    }

    private void End(Exchange exchange, Client client, EndReason reason)
    {
        if (reason.IsOnPurpose())
        {
            // With the last chunk, which makes the response a whole one.
            exchange.Response.Abort();
        }
        else
        {
            exchange.Break(resets: reason is EndReason.WriteTimeout);
        }

        metrics.CountEnded(reason);
        log.Often(LogLevel.Info, $"stream ended {ServerMetrics.NameOf(reason)}", reason is EndReason.Left
            ? $"connection closed by client {client.Id}"
            : $"closed the connection of client {client.Id}: {Describe(reason)}");
    }

    private byte[] Greeting(SubscribeRequest request, SubscribeResult.Subscription subscription)
    {
        var greeting = new ArrayBufferWriter<byte>();

        // A quarter more or less, so that a restart does not bring everyone back in the same instant.
        var retry = (int)Math.Min(int.MaxValue, Jittered(options.Retry, parts: 4));
        SseFrame.WriteHello(greeting, request.Client, request.Selection.Topics, retry, PositionOf(request, subscription));
        if (subscription.HasGap)
        {
            SseFrame.WriteGap(greeting, request.LastEventId!);
        }

        return greeting.WrittenSpan.ToArray();
    }

    // Whose position was good gets it back: it says all that a new one would.
    private string PositionOf(SubscribeRequest request, SubscribeResult.Subscription subscription) =>
        request.LastEventId is [PositionCipher.Mark, ..] && !subscription.HasGap ? request.LastEventId : hub.PositionOf(subscription.Place);

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
        EndReason.SentMore => "it sent more behind its request than is read",
        EndReason.WriteTimeout => "it took nothing for longer than the write timeout",
        _ => "the server stops",
    };
}
