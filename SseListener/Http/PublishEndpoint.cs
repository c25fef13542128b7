using System.Net.Http.Headers;
using SseListener.Access;
using SseListener.Events;
using SseListener.Listener;
using SseListener.Log;

namespace SseListener.Http;

/// <summary>
/// <c>POST /events</c>: a bounded body becomes events, the events go to the hub, the hub's ids are the answer. <c>DELETE /channels/NAME</c>
/// forgets a channel.
/// </summary>
internal sealed class PublishEndpoint(ServerOptions options, EventHub hub, Permissions access, Responses responses, LogWriter log)
{
    private static readonly string[] _default = [ChannelNames.Default];
    private static readonly string[] _ofEvent = ["type", "id", "retry"];
    private const long MostCopies = 100_000; // Of events in channels: each takes some 200 bytes besides its data, and the hub a moment.
    private readonly BodiesUnderWay _bodies = new(options);

    public async Task<Refusal?> PublishAsync(Exchange exchange)
    {
        if (!Parameters.TryReadChannels(exchange.Target, out var channels, out var problem)
            || !Parameters.TryReadEnd(exchange.Target, out var ends, out problem))
        {
            return Refusal.Of(400, problem);
        }

        // Where the query names no channel, the events may, and those are checked once they are read.
        var isBare = ends && exchange.Request.ContentLength64 == 0;
        if (await access.CheckPublishAsync(exchange, channels ?? (isBare ? _default : [])) is { } forbidden)
            return forbidden;

        return isBare ? await PublishAsync(exchange, new Publish(channels ?? _default, [], ChannelChange.End), format: null)
            : CheckBody(exchange, out var format) ?? await ReadAndPublishAsync(exchange, channels, format, ends);
    }

    /// <summary>Forgets the channel that the path names, as if there had never been anything in it.</summary>
    public async Task<Refusal?> ForgetAsync(Exchange exchange)
    {
        string[] channels = [exchange.Target.Path[ChannelsEndpoint.ChannelPath.Length..]];
        if (ChannelNames.ProblemOf(channels) is { } problem)
            return Refusal.Of(400, problem);

        if (await access.CheckPublishAsync(exchange, channels) is { } forbidden)
            return forbidden;

        var result = await hub.PublishAsync(new Publish(channels, [], ChannelChange.Forget));
        if (result is not PublishResult.Published)
            return Explain(result);

        log.Often(LogLevel.Info, "forgotten", $"the channel {channels[0]} is forgotten");
        await responses.SendEmptyAsync(exchange);
        return null;
    }

    private async Task<Refusal?> ReadAndPublishAsync(Exchange exchange, IReadOnlyList<string>? channels, Format format, bool ends)
    {
        using var body = _bodies.TryAdd();
        if (body is null)
            return Refusal.Later(503, "publish_limit", $"{options.MaxPublishes} publishes are under way already (--max-publishes).");

        if (await body.ReadAsync(exchange) is { } incomplete)
            return incomplete;

        // An empty body is no event where the channel ends without one.
        IReadOnlyList<SseEvent>? events = [];
        if (!(ends && body.Bytes.IsEmpty) && !TryParse(exchange.Target, format, body.Bytes, out events, out var problem))
            return Refusal.Of(400, problem);

        // One of the two would be ignored.
        if (channels is not null && events.Any(sseEvent => sseEvent.Channels is not null))
            return Refusal.Of(400, "The channels stand in the query or in the events, not in both.");

        var publish = new Publish(channels ?? _default, events, ends ? ChannelChange.End : ChannelChange.None);
        if (publish.Copies > MostCopies)
            return Refusal.Of(413, $"A batch may have at most {MostCopies} events, each counted in each of its channels.");

        return channels is null && await access.CheckPublishAsync(exchange, [.. publish.AllChannels]) is { } forbidden ? forbidden
            : await PublishAsync(exchange, publish, format);
    }

    private async Task<Refusal?> PublishAsync(Exchange exchange, Publish publish, Format? format)
    {
        if (publish.Events.Count == 0 && _ofEvent.FirstOrDefault(exchange.Target.Names.Contains) is { } misplaced)
            return Refusal.Of(400, $"The parameter \"{misplaced}\" is of an event, and there is no event: the body is empty.");

        var result = await hub.PublishAsync(publish);
        if (result is not PublishResult.Published { Ids: var ids })
            return Explain(result);

        if (log.Writes(LogLevel.Debug))
            log.Debug($"published {string.Join(' ', ids)}");

        var quoted = ids.Select(JsonText.Quote);
        string[] members =
        [
            .. format is Format.Batch ? [$"\"ids\":[{string.Join(',', quoted)}]"] : quoted.Select(id => $"\"id\":{id}"),
            .. publish.Change is ChannelChange.End ? ["\"ended\":true"] : Array.Empty<string>(),
        ];
        var answer = $"{{{string.Join(',', members)}}}";
        await responses.SendTextAsync(exchange, "application/json", answer);
        return null;
    }

    // Null: the hub has stopped.
    private Refusal Explain(PublishResult? result) => result switch
    {
        PublishResult.Conflict conflict =>
            Refusal.Of(409, $"There is another event with the id {JsonText.Quote(conflict.Id)}. Nothing was published."),
        PublishResult.Ended { Channel: var channel } => Refusal.Of(409, $"The channel {channel} has ended. Nothing was published."),
        PublishResult.TooManyChannels => Refusal.Later(
            503, "channel_limit", $"There are {options.MaxChannels} channels already (--max-channels). Nothing was published."),
        PublishResult.NotStored when options.Cluster.IsUsed => Refusal.Later(503, "cluster", $"{hub.Problem} Nothing was published."),
        PublishResult.NotStored => Refusal.Later(503, "journal", "The journal cannot be written at the moment. Nothing was published."),
        PublishResult.TooLarge { MostBytes: var most } =>
            Refusal.Of(413, $"With its frame this is more than the {most} bytes that a message of the cluster may have (max_payload)."),
        PublishResult.TooLargeToKeep { MostBytes: var most, Setting: var setting } =>
            Refusal.Of(413, $"With its frame an event has more than the {most} bytes that are kept of its channel ({setting})."
                + " Nothing was published."),
        PublishResult.Uncertain { Ids: var ids } => Refusal.Uncertain(ids),
        PublishResult.Unknown => Refusal.Unknown,
        _ => Refusal.Stopping,
    };

    private static bool TryParse(
        RequestTarget target, Format format, ReadOnlyMemory<byte> body,
        [NotNullWhen(true)] out IReadOnlyList<SseEvent>? events, [NotNullWhen(false)] out string? problem)
    {
        List<SseEvent>? batch = null;
        SseEvent? single = null;
        var isGood = format switch
        {
            Format.Batch => EventJson.TryParseLines(body.Span, out batch, out problem),
            Format.Json => EventJson.TryParse(body.Span, out single, out problem),
            _ => TryParseText(target, body, out single, out problem),
        };
        events = single is null ? batch : [single];
        return isGood;
    }

    // The body is the data, verbatim; the rest of the event is in the query.
    private static bool TryParseText(
        RequestTarget target, ReadOnlyMemory<byte> body,
        [NotNullWhen(true)] out SseEvent? sseEvent, [NotNullWhen(false)] out string? problem)
    {
        sseEvent = null;
        problem = "retry must be a whole number of milliseconds.";
        var (text, retry) = (target.First("retry"), 0);
        return (text is null || int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out retry))
            && SseEvent.TryCreate(
                body, target.First("type"), target.First("id"), text is null ? null : retry, channels: null, out sseEvent, out problem);
    }

    private static Refusal? CheckBody(Exchange exchange, out Format format)
    {
        var (request, headers) = (exchange.Request, exchange.Request.Headers);
        _ = MediaTypeHeaderValue.TryParse(request.ContentType, out var type);
        format = type?.MediaType?.ToUpperInvariant() switch
        {
            "APPLICATION/JSON" => Format.Json,
            "TEXT/PLAIN" => Format.Text,
            "APPLICATION/X-NDJSON" => Format.Batch,
            _ => Format.Unknown,
        };
        var shown = string.IsNullOrEmpty(request.ContentType) ? "missing" : Spelling.Short(request.ContentType);
        var isUtf8 = type?.CharSet?.Trim('"').ToUpperInvariant() is null or "UTF-8" or "UTF8" or "US-ASCII";
        var isChunked = request.ContentLength64 < 0;
        return format is Format.Unknown
                ? Refusal.Of(415, $"The Content-Type must be application/json, text/plain or application/x-ndjson, and is {shown}.")
            : !isUtf8 ? Refusal.Of(415, "The charset must be utf-8.")
            : !IsPlain(headers["Content-Encoding"])
                ? Refusal.Of(415, "The body must not be compressed: send it without a Content-Encoding.")
            : format is not Format.Text && Parameters.ProblemOf(exchange.Target, Parameters.Json) is { } misplaced
                ? Refusal.Of(400, misplaced)
            : headers["Transfer-Encoding"] is not null && headers["Content-Length"] is not null
                ? Refusal.Of(400, "A body has a Content-Length or is chunked, not both.")
            : isChunked && exchange.ChunkedSource is null
                ? Refusal.Of(411, "A chunked body cannot be read safely here: send a Content-Length.")
            : null;
    }

    // RFC 9110, section 8.4.1: identity is reserved for no encoding at all.
    private static bool IsPlain(string? codings) =>
        (codings ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
            .All(coding => coding.Equals("identity", StringComparison.OrdinalIgnoreCase));

    private enum Format { Unknown, Json, Text, Batch }
}
