using System.Net.Http.Headers;
using SseListener.Log;

namespace SseListener.Verbs;

/// <summary>An event as a line of JSON, with the id by which it may be sent again.</summary>
internal sealed record OutgoingEvent(string Id, byte[] Json);

/// <summary>
/// Publishes events, in order. When nobody knows whether the server has some, or it refuses them for now, it sends them again, a few
/// times: they have ids, so each is published once. It says which have been published, and why it waits.
/// </summary>
internal sealed class EventSender(Uri url, string? token, Action<IEnumerable<string>> published, Action<string> tell) : IDisposable
{
    private const int MostAttempts = 5;
    private static readonly TimeSpan _shortestDelay = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan _longestDelay = TimeSpan.FromSeconds(10);

    // Longer than a hub waits for its cluster (--cluster-timeout).
    private readonly HttpClient _http = new(Remote.HandlerFor(url))
    {
        Timeout = TimeSpan.FromSeconds(30),
        MaxResponseContentBufferSize = 16 * 1024 * 1024,
    };

    /// <summary>Publishes events; returns what is wrong with those that it cannot publish, or null.</summary>
    public async Task<string?> SendAsync(ReadOnlyMemory<OutgoingEvent> events, CancellationToken interrupted)
    {
        for (var attempt = 1; ; attempt++)
        {
            var outcome = await TrySendAsync(events, interrupted);
            if (outcome.Problem is null)
                return null;

            // The server takes less in one request than others do.
            if (outcome.IsTooLarge && events.Length > 1)
            {
                var half = events.Length / 2;
                return await SendAsync(events[..half], interrupted) ?? await SendAsync(events[half..], interrupted);
            }

            if (!outcome.IsForNow || attempt == MostAttempts)
                return outcome.Problem;

            var delay = outcome.RetryAfter ?? _shortestDelay * Math.Pow(2, attempt);
            delay = TimeSpan.FromTicks(Math.Clamp(delay.Ticks, _shortestDelay.Ticks, _longestDelay.Ticks));
            tell(LogWriter.OneLine($"{outcome.Problem} (trying again in {delay.TotalSeconds:0.#} s)"));
            await Task.Delay(delay, interrupted);
        }
    }

    public void Dispose() => _http.Dispose();

    private async Task<Outcome> TrySendAsync(ReadOnlyMemory<OutgoingEvent> events, CancellationToken interrupted)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, url) { Content = BodyOf(events.Span) };
        request.Headers.Authorization = token is null ? null : new AuthenticationHeaderValue("Bearer", token);
        try
        {
            using var answer = await _http.SendAsync(request, interrupted);
            if (answer.StatusCode != HttpStatusCode.OK)
            {
                return new Outcome(await Remote.ReadRefusalAsync(answer, interrupted), Remote.IsForNow(answer.StatusCode),
                    answer.StatusCode is HttpStatusCode.RequestEntityTooLarge, answer.Headers.RetryAfter?.Delta);
            }

            // Anything may answer 200 to anything.
            var text = await answer.Content.ReadAsStringAsync(interrupted);
            if (!text.Contains(JsonText.Quote(events.Span[^1].Id), StringComparison.Ordinal))
                return new Outcome($"{url.GetLeftPart(UriPartial.Path)} does not publish.");

            published(events.ToArray().Select(sent => sent.Id));
            return new Outcome(Problem: null);
        }
        catch (Exception e) when (e is HttpRequestException or IOException
            || (e is OperationCanceledException && !interrupted.IsCancellationRequested))
        {
            return new Outcome($"cannot publish: {e.Message}", IsForNow: true);
        }
    }

    private static ByteArrayContent BodyOf(ReadOnlySpan<OutgoingEvent> events)
    {
        var body = new ArrayBufferWriter<byte>();
        foreach (var sent in events)
        {
            body.Write(sent.Json);
            body.Write("\n"u8);
        }

        var content = new ByteArrayContent(body.WrittenSpan.ToArray());
        content.Headers.ContentType = new MediaTypeHeaderValue("application/x-ndjson");
        return content;
    }

    private readonly record struct Outcome(string? Problem, bool IsForNow = false, bool IsTooLarge = false, TimeSpan? RetryAfter = null);
}
