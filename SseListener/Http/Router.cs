using SseListener.Access;
using SseListener.Listener;

namespace SseListener.Http;

/// <summary>Which endpoint answers which request.</summary>
internal sealed class Router(
    EventsEndpoint events,
    PublishEndpoint publish,
    ClientsEndpoint clients,
    StatusEndpoints status,
    StaticFiles files,
    CrossOrigin crossOrigin,
    Responses responses)
{
    /// <summary>Answers a request; a stream is answered when it is over.</summary>
    public Task RouteAsync(Exchange exchange)
    {
        var path = exchange.Target.Path;
        if (MethodsOf(path) is not { } methods)
        {
            return files.ServeAsync(exchange);
        }

        if (CrossOrigin.IsPreflight(exchange))
        {
            return crossOrigin.AnswerPreflight(exchange, methods) is { } refusal ? responses.RefuseAsync(exchange, refusal) : responses.SendEmptyAsync(exchange);
        }

        (Func<Exchange, Task> AnswerAsync, IReadOnlyList<string> Parameters)? route = (exchange.Request.HttpMethod, path) switch
        {
            ("GET", "/events") => (events.SubscribeAsync, Parameters.Stream),
            ("HEAD", "/events") => (events.ShowHeadAsync, Parameters.Stream),
            ("POST", "/events" or "/generate") => (publish.HandleAsync, Parameters.Text),
            ("GET" or "HEAD", "/healthz") => (status.HealthAsync, Parameters.None),
            ("GET" or "HEAD", "/status") => (status.StatusAsync, Parameters.None),
            ("GET" or "HEAD", "/metrics") => (status.MetricsAsync, Parameters.None),
            ("DELETE", _) when ClientsEndpoint.Has(path) => (clients.DismissAsync, Parameters.None),
            _ => null,
        };
        return route is not var (answerAsync, parameters) ? responses.MethodNotAllowedAsync(exchange, methods)
            : Parameters.ProblemOf(exchange.Target, parameters) is { } problem
                ? responses.RefuseAsync(exchange, Refusal.OfParameter(problem))
            : answerAsync(exchange);
    }

    private static string? MethodsOf(string path) => path switch
    {
        "/events" => "GET, HEAD, POST",
        "/generate" => "POST",
        "/healthz" or "/status" or "/metrics" => "GET, HEAD",
        _ when ClientsEndpoint.Has(path) => "DELETE",
        _ => null,
    };
}
