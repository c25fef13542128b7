using SseListener.Access;
using SseListener.Events;
using SseListener.Listener;
using SseListener.Log;

namespace SseListener.Http;

/// <summary>Which endpoint answers which request, and what is done with every request before that.</summary>
internal sealed class Router(
    ServerOptions options,
    RequestListener listener,
    EventHub hub,
    EventsEndpoint events,
    PublishEndpoint publish,
    ClientsEndpoint clients,
    StatusEndpoints status,
    StaticFiles files,
    CrossOrigin crossOrigin,
    Responses responses,
    LogWriter log)
{
    /// <summary>Answers a request; a stream is answered when it is over.</summary>
    public async Task AnswerAsync(Exchange exchange)
    {
        Log(exchange);
        crossOrigin.SetHeaders(exchange);
        if ((Check(exchange) ?? await RouteAsync(exchange)) is { } refusal)
            await responses.RefuseAsync(exchange, refusal);
    }

    private Task<Refusal?> RouteAsync(Exchange exchange)
    {
        var path = exchange.Target.Path;
        if (MethodsOf(path) is not { } methods)
            return files.ServeAsync(exchange);

        if (CrossOrigin.IsPreflight(exchange))
            return AnswerPreflightAsync(exchange, methods);

        (Func<Exchange, Task<Refusal?>> AnswerAsync, IReadOnlyList<string> Parameters)? route = (exchange.Request.HttpMethod, path) switch
        {
            ("GET", "/events") => (events.SubscribeAsync, Parameters.Stream),
            ("HEAD", "/events") => (events.ShowHeadAsync, Parameters.Stream),
            ("POST", "/events" or "/generate") => (publish.PublishAsync, Parameters.Text),
            ("GET" or "HEAD", "/healthz") => (status.HealthAsync, Parameters.None),
            ("GET" or "HEAD", "/status") => (status.StatusAsync, Parameters.None),
            ("GET" or "HEAD", "/metrics") => (status.MetricsAsync, Parameters.None),
            ("DELETE", _) when ClientsEndpoint.Has(path) => (clients.DismissAsync, Parameters.None),
            _ => null,
        };
        return route is not var (answerAsync, parameters) ? Task.FromResult<Refusal?>(Refusal.OfMethod(methods))
            : Parameters.ProblemOf(exchange.Target, parameters) is { } problem ? Task.FromResult<Refusal?>(Refusal.OfParameter(problem))
            : answerAsync(exchange);
    }

    private async Task<Refusal?> AnswerPreflightAsync(Exchange exchange, string methods)
    {
        var refusal = crossOrigin.AnswerPreflight(exchange, methods);
        if (refusal is null)
            await responses.SendEmptyAsync(exchange);

        return refusal;
    }

    private static string? MethodsOf(string path) => path switch
    {
        "/events" => "GET, HEAD, POST",
        "/generate" => "POST",
        "/healthz" or "/status" or "/metrics" => "GET, HEAD",
        _ when ClientsEndpoint.Has(path) => "DELETE",
        _ => null,
    };

    // What is wrong with a request whatever it asks for. A server that stops still tells how it is doing.
    private Refusal? Check(Exchange exchange)
    {
        var (host, target) = (exchange.Host, exchange.Target);
        if (!listener.AnswersTo(host))
            return Refusal.Of(421, $"The server does not answer to the name '{host}', but to {options.Host}: see --host.");

        if (ReferenceEquals(target, RequestTarget.None))
            return Refusal.Of(400, "The URL has an escape that is not %XX, or whose bytes are not UTF-8.");

        return target.HasTooManyParameters ? Refusal.Of(400, $"The URL may have at most {RequestTarget.MostParameters} parameters.")
            : exchange.HeaderSize > options.MaxHeader
                ? Refusal.Of(431, $"The request line and the header fields may have at most {options.MaxHeader} bytes (--max-header).")
            : hub.IsComplete && target.Path is not ("/status" or "/metrics") ? Refusal.Stopping
            : null;
    }

    private void Log(Exchange exchange)
    {
        var level = exchange.AsksForStream ? LogLevel.Info : LogLevel.Debug;
        if (log.Writes(level))
        {
            // Only the path: a query may hold a secret.
            log.Often(level, "request", $"{exchange.Request.HttpMethod} {exchange.Target.Shown} from {exchange.Remote}");
        }

        if (log.Writes(LogLevel.Debug))
        {
            var headers = exchange.Request.Headers;
            var fields = headers.AllKeys.Select(name => $"{name}: {(IsSecret(name!, headers[name]!) ? "…" : headers[name])}");
            log.Debug(string.Join("; ", fields));
        }
    }

    // URLs may have a token in their query: that of the page a request comes from, and those that proxies add.
    private static bool IsSecret(string header, string value) =>
        header.ToUpperInvariant() is "AUTHORIZATION" or "PROXY-AUTHORIZATION" or "COOKIE" or "REFERER"
        || value.Contains("token", StringComparison.OrdinalIgnoreCase);
}
