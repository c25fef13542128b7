using System.Security.Cryptography;
using SseListener.Access;
using SseListener.Delivery;
using SseListener.Events;
using SseListener.Listener;
using SseListener.Log;
using SseListener.Metrics;

namespace SseListener.Http;

/// <summary><c>GET /events</c>: a place in the log, headers and a greeting, and then a lane does the rest until the client goes.</summary>
internal sealed class EventsEndpoint(
    ServerOptions options, ConcurrentDictionary<string, Client> clients, EventHub hub, DeliveryLanes lanes, Permissions access,
    HistoryEndpoint history, Responses responses, ServerMetrics metrics, LogWriter log)
{
    private readonly ClientSlots _slots = new(options);
    private volatile bool _isClosing;

    /// <summary>Ends streams from now on as soon as they begin.</summary>
    public void Close() => _isClosing = true;

    /// <summary>Answers GET with a stream, or with what is kept, as its client accepts, and HEAD with the head of that.</summary>
    public Task<Refusal?> AnswerAsync(Exchange exchange) =>
        exchange.AcceptsOnlyJson ? history.ReadAsync(exchange)
        : exchange.AsksForStream ? SubscribeAsync(exchange)
        : ShowHeadAsync(exchange);

    // Holds the response open until the client has gone.
    private async Task<Refusal?> SubscribeAsync(Exchange exchange)
    {
        // This method lasts as long as a stream: what it still needs after an await takes memory for each client.
        var address = _slots.AddressOf(exchange.Remote.Address, exchange.Request.Headers["X-Forwarded-For"]);
        var (permit, refusal) = await PermitAsync(exchange);
        if (permit is null || !_slots.TryAcquire(address, out refusal))
            return refusal;

        Client? client = null;
        try
        {
            var admitted = await AdmitAsync(exchange, permit);
            if (admitted is { Subscription.HasAll: true })
                return await SayThatAllHasEndedAsync(exchange, admitted);

            client = admitted;
            if (client is null)
            {
                return hub.IsComplete ? Refusal.Stopping
                    : options.Cluster.IsUsed && hub.Problem is { } problem ? Refusal.Later(503, "cluster", problem)
                    : Refusal.Later(503, "channel_limit", $"There are {options.MaxChannels} channels already.");
            }

            clients[client.Id] = client;
            await GreetAsync(exchange, client);
            Begin(exchange, client);
            End(exchange, client, await client.Ended);
            return null;
        }
        finally
        {
            _slots.Release(address);
            if (client is not null)
            {
                clients.TryRemove(client.Id, out _);
                hub.Unsubscribe(client.Subscription);

                // After an exception too; what has ended already is not touched.
                exchange.Break();
            }
        }
    }

    // Without a place for a client: so it is 200 also where all channels have ended, and where there is no room.
    private async Task<Refusal?> ShowHeadAsync(Exchange exchange)
    {
        var (permit, refusal) = await PermitAsync(exchange);
        if (permit is null)
            return refusal;

        SetHeaders(exchange);
        await responses.SendHeadAsync(exchange);
        return null;
    }

    private async Task<(Permit? Permit, Refusal? Refusal)> PermitAsync(Exchange exchange)
    {
        if (Parameters.ProblemOf(exchange.Target, Parameters.Stream) is { } misplaced)
            return (null, Refusal.OfParameter(misplaced));

        if (!Parameters.TryReadTopics(exchange.Target, out var topics, out var envelope, out var problem)
            || !Parameters.TryReadRewind(exchange.Target, out var rewind, out problem))
        {
            return (null, Refusal.Of(400, problem));
        }

        var (grant, refusal) = await access.CheckSubscribeAsync(exchange, topics);
        return grant is null ? (null, refusal)
            : (new(new(new Selection(topics, grant.MayHear), envelope, exchange.LastEventId, rewind), LifetimeOf(grant), grant.User), null);
    }

    // Null when the hub has stopped, has no room for the channels, or cannot catch up with the cluster.
    private async Task<Client?> AdmitAsync(Exchange exchange, Permit permit)
    {
        Output output = exchange.Socket is { } socket
            ? new SocketOutput(socket, IsChunked(exchange), StreamSocket.AcknowledgedBy)
            : new StreamOutput(exchange.Response.OutputStream, exchange.BreakWrite);
        return await hub.SubscribeAsync(permit.Request) is not { } subscription ? null
            : new Client(NanoId.Generate(), output, subscription, permit.Lifetime)
            {
                User = permit.User,
                PresenceSince = permit.Request.LastEventId is { } id ? hub.Positions.MomentOf(id) : null,
            };
    }

    // To an EventSource 204 says that it need not come again (WHATWG HTML, section 9.2.3).
    private async Task<Refusal?> SayThatAllHasEndedAsync(Exchange exchange, Client client)
    {
        hub.Unsubscribe(client.Subscription);
        await responses.SendEmptyAsync(exchange);
        return null;
    }

    // HTTP/1.0 has no chunks: there the end of the connection is the end of the stream (RFC 9112, section 6.3).
    private static bool IsChunked(Exchange exchange) => exchange.Request.ProtocolVersion >= HttpVersion.Version11;

    private static void SetHeaders(Exchange exchange)
    {
        var response = exchange.Response;
        response.StatusCode = (int)HttpStatusCode.OK;
        response.ContentType = "text/event-stream";
        // Never set to false, by which HttpListener understands a length of 0.
        if (IsChunked(exchange))
            response.SendChunked = true;

        // No other request follows on the connection: a read on it tells when its client leaves.
        response.KeepAlive = false;
        response.Headers["Cache-Control"] = "no-cache, no-transform";
        response.Headers["X-Accel-Buffering"] = "no";
    }

    private async Task GreetAsync(Exchange exchange, Client client)
    {
        var (greeting, subscription, lastEventId) = (new ArrayBufferWriter<byte>(), client.Subscription, exchange.LastEventId);

        // A quarter more or less, so that a restart does not bring everyone back in the same instant.
        var retry = (int)Math.Min(int.MaxValue, Jittered(options.Retry, parts: 4));

        // A good position comes back as it is: it says all that a new one would. The id of an end does not: it goes with its channel.
        var isPosition = lastEventId is not null && !subscription.HasGap && hub.Positions.TryDecode(lastEventId, out _);
        var position = isPosition ? lastEventId! : hub.Positions.Encode(subscription.Place);
        SseFrame.WriteHello(greeting, client.Id, subscription.Topics.Select(topic => topic.Name), retry, position, subscription.Envelope);
        if (subscription.HasGap)
            SseFrame.WriteGap(greeting, lastEventId!, subscription.Envelope);

        SetHeaders(exchange);
        await responses.WriteAsync(exchange, greeting.WrittenSpan.ToArray());
        exchange.ReleaseRequest();
    }

    private void Begin(Exchange exchange, Client client)
    {
        if (exchange.Socket is { } socket)
        {
            StreamSocket.Prepare(socket, options.WriteTimeout);
            _ = SocketOutput.WatchAsync(socket, client);
        }

        lanes.Next().Add(client);

        // The stop ends the clients that it finds; this one may have come after that.
        if (_isClosing)
            client.End(EndReason.ServerStop);

        // A loss of the log, too, ends only the clients that it finds.
        if (client.Subscription.Place < hub.Lost)
            client.End(EndReason.Lapped);

        metrics.CountConnect();
        log.Often(LogLevel.Info, "connected", $"client {client.Id} connected from {exchange.Remote}");
    }

    private void End(Exchange exchange, Client client, EndReason reason)
    {
        // On purpose: Abort writes the last chunk (Listener/README.md), and the client sees a complete response, not one that broke off.
        if (reason is EndReason.TokenExpired or EndReason.MaxAge or EndReason.Ended or EndReason.Dismissed or EndReason.ServerStop)
            exchange.Response.Abort();
        else
            exchange.Break(resets: reason is EndReason.WriteTimeout);

        metrics.CountEnded(reason);
        log.Often(LogLevel.Info, $"stream ended {ServerMetrics.NameOf(reason)}", reason is EndReason.Left
            ? $"connection closed by client {client.Id}"
            : $"closed the connection of client {client.Id}: {Describe(reason)}");
    }

    private Lifetime LifetimeOf(Grant grant)
    {
        // Up to a fifth more or less: clients that came together should not go together.
        var oldest = options.MaxAge > TimeSpan.Zero ? Environment.TickCount64 + Jittered(options.MaxAge, parts: 5) : long.MaxValue;
        return grant.ExpiryTicks < oldest ? new(grant.ExpiryTicks, EndReason.TokenExpired) : new(oldest, EndReason.MaxAge);
    }

    // In milliseconds, up to one of these parts more or less.
    private static long Jittered(TimeSpan time, int parts)
    {
        var milliseconds = (long)time.TotalMilliseconds;
        return milliseconds + (milliseconds / parts * RandomNumberGenerator.GetInt32(-1000, 1001) / 1000);
    }

    private static string Describe(EndReason reason) => reason switch
    {
        EndReason.Lapped => "what it was to get next is no longer kept",
        EndReason.TokenExpired => "its token has expired",
        EndReason.MaxAge => "it has been open for as long as streams may be",
        EndReason.Ended => "all of its channels have ended",
        EndReason.Dismissed => "it was dismissed",
        EndReason.SentMore => "it sent more behind its request than is read",
        EndReason.WriteTimeout => "it took nothing for longer than the write timeout",
        _ => "the server stops",
    };

    private sealed record Permit(SubscribeRequest Request, Lifetime Lifetime, string? User);
}
