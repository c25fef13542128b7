using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using SseListener.Access;
using SseListener.Events;
using SseListener.Listener;
using SseListener.Log;

namespace SseListener.Http;

/// <summary><c>POST /events</c>: a bounded body becomes events, the events go to the hub, the hub's ids are the answer.</summary>
internal sealed class PublishEndpoint(ServerOptions options, EventHub hub, Permissions access, Responses responses, LogWriter log)
{
    private const string Types = "application/json, text/plain or application/x-ndjson";

    private readonly BodiesUnderWay _bodies = new(options.MaxPublishes, options.MaxPublishBytes);

    /// <summary>Publishes what the request brings.</summary>
    public async Task HandleAsync(Exchange exchange)
    {
        if (!Channels.TryReadOne(exchange.Target, out var channel, out var problem))
        {
            await responses.ProblemAsync(exchange, 400, problem);
        }
        else if (await access.PublishAsync(exchange, [channel]) is { } refusal)
        {
            await responses.RefuseAsync(exchange, refusal);
        }
        else if (!TryFindFormat(exchange, out var format, out var status, out problem))
        {
            await responses.ProblemAsync(exchange, status, problem);
        }
        else
        {
            await PublishAsync(exchange, channel, format);
        }
    }

    private async Task PublishAsync(Exchange exchange, string channel, Format format)
    {
        using var body = _bodies.TryAdd();
        if (body is null)
        {
            var detail = $"{options.MaxPublishes} publishes are under way already (--max-publishes).";
            await responses.RefuseAsync(exchange, Refusal.Later(503, "publish_limit", detail));
            return;
        }

        if (await body.ReadAsync(exchange, options.MaxBody, options.BodyTimeout) is not BodyState.Complete and var state)
        {
            // At once, for the answer may take long.
            body.Dispose();
            await RefuseAsync(exchange, state);
            return;
        }

        if (!TryParse(exchange.Target, format, body.Bytes, out var events, out var problem))
        {
            await responses.ProblemAsync(exchange, 400, problem);
        }
        else
        {
            await AnswerAsync(exchange, format, await hub.PublishAsync(channel, events));
        }
    }

    private Task RefuseAsync(Exchange exchange, BodyState state) => state switch
    {
        BodyState.TooLarge => responses.ProblemAsync(exchange, 413, $"The body may have at most {options.MaxBody} bytes (--max-body)."),
        BodyState.TooSlow => responses.ProblemAsync(
            exchange, 408, $"The body did not arrive within {options.BodyTimeout.TotalSeconds:0.###} s (--body-timeout)."),
        BodyState.GivenWay => responses.RefuseAsync(exchange, Refusal.Later(503, "publish_limit",
            $"There is room for {options.MaxPublishes} publishes (--max-publishes) "
            + $"and {options.MaxPublishBytes} bytes of them (--max-publish-bytes) at a time, "
            + "and the body of this one had been arriving for longest. Nothing was published.")),

        // Half a body is no event.
        _ => responses.ProblemAsync(exchange, 400, "The body ended early or was malformed."),
    };

    private Task AnswerAsync(Exchange exchange, Format format, PublishResult? result) => result switch
    {
        PublishResult.Published published => AnswerAsync(exchange, format, published.Ids),
        PublishResult.Conflict conflict => responses.ProblemAsync(
            exchange, 409, $"There is another event with the id {JsonText.Quote(conflict.Id)}. Nothing was published."),
        PublishResult.TooManyChannels => responses.RefuseAsync(exchange, Refusal.Later(
            503, "channel_limit", $"There are {options.MaxChannels} channels already (--max-channels). Nothing was published.")),
        PublishResult.NotStored => responses.RefuseAsync(exchange, Refusal.Later(
            503, "journal", "The journal cannot be written at the moment. Nothing was published.")),
        PublishResult.Unknown => responses.RefuseAsync(exchange, Refusal.Unknown),
        _ => responses.RefuseAsync(exchange, Refusal.Stopping),
    };

    private Task AnswerAsync(Exchange exchange, Format format, string[] ids)
    {
        if (log.Writes(LogLevel.Debug))
        {
            log.Debug($"published {string.Join(' ', ids)}");
        }

        var quoted = ids.Select(JsonText.Quote);
        var answer = format is Format.Batch ? $$"""{"ids":[{{string.Join(',', quoted)}}]}""" : $$"""{"id":{{quoted.Single()}}}""";
        exchange.Response.Headers["Cache-Control"] = "no-store";
        return responses.SendAsync(exchange, 200, "application/json", Encoding.UTF8.GetBytes(answer));
    }

    private static bool TryParse(
        RequestTarget target,
        Format format,
        ReadOnlyMemory<byte> body,
        [NotNullWhen(true)] out IReadOnlyList<SseEvent>? events,
        [NotNullWhen(false)] out string? problem)
    {
        events = null;
        if (format is Format.Batch)
        {
            var isBatch = EventJson.TryParseLines(body.Span, out var batch, out problem);
            events = batch;
            return isBatch;
        }

        var isEvent = format is Format.Json
            ? EventJson.TryParse(body.Span, out var sseEvent, out problem)
            : TryParseText(target, body, out sseEvent, out problem);
        events = isEvent ? [sseEvent!] : null;
        return isEvent;
    }

    // The body is the data, verbatim; the rest of the event is in the query.
    private static bool TryParseText(
        RequestTarget target,
        ReadOnlyMemory<byte> body,
        [NotNullWhen(true)] out SseEvent? sseEvent,
        [NotNullWhen(false)] out string? problem)
    {
        sseEvent = null;
        problem = "retry must be a whole number of milliseconds.";
        var retry = 0;
        var hasRetry = target.First("retry") is { } text;
        return (!hasRetry || int.TryParse(target.First("retry"), NumberStyles.None, CultureInfo.InvariantCulture, out retry))
            && SseEvent.TryCreate(body, target.First("type"), target.First("id"), hasRetry ? retry : null, out sseEvent, out problem);
    }

    private static bool TryFindFormat(Exchange exchange, out Format format, out int status, [NotNullWhen(false)] out string? problem)
    {
        var request = exchange.Request;
        _ = MediaTypeHeaderValue.TryParse(request.ContentType, out var type);
        Format? found = type?.MediaType?.ToUpperInvariant() switch
        {
            "APPLICATION/JSON" => Format.Json,
            "TEXT/PLAIN" => Format.Text,
            "APPLICATION/X-NDJSON" => Format.Batch,
            _ => null,
        };
        format = found ?? Format.Json;
        var isChunked = request.ContentLength64 < 0;
        var isUtf8 = type?.CharSet?.Trim('"').ToUpperInvariant() is null or "UTF-8" or "UTF8" or "US-ASCII";
        (status, problem) = found is null ? (415, $"The Content-Type must be {Types}, and is {Shown(request.ContentType)}.")
            : !isUtf8 ? (415, "The charset must be utf-8.")
            : !IsPlain(request.Headers["Content-Encoding"]) ? (415, "The body must not be compressed: send it without a Content-Encoding.")
            : found is not Format.Text && Parameters.ProblemOf(exchange.Target, Parameters.Json) is { } misplaced ? (400, misplaced)
            : isChunked && request.Headers["Content-Length"] is not null ? (400, "A body has a Content-Length or is chunked, not both.")
            : isChunked && exchange.ChunkedBody is null ? (411, "A chunked body cannot be read safely here: send a Content-Length.")
            : (200, null);
        return problem is null;
    }

    private static string Shown(string? type) => string.IsNullOrEmpty(type) ? "missing" : Spelling.Short(type);

    // RFC 9110, section 8.4.1: identity is reserved for no encoding at all.
    private static bool IsPlain(string? codings) =>
        (codings ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
            .All(coding => coding.Equals("identity", StringComparison.OrdinalIgnoreCase));

    private enum Format
    {
        Json,
        Text,
        Batch,
    }
}
