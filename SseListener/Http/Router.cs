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
        if (MethodsOf(exchange.Target.Path) is not { } methods)
        {
            return files.ServeAsync(exchange);
        }

        return (exchange.Request.HttpMethod, exchange.Target.Path) switch
        {
            ("GET", "/events") => events.SubscribeAsync(exchange),
            ("POST", "/events" or "/generate") => publish.HandleAsync(exchange),
            ("GET" or "HEAD", "/healthz") => status.HealthAsync(exchange),
            ("GET" or "HEAD", "/status") => status.StatusAsync(exchange),
            ("GET" or "HEAD", "/metrics") => status.MetricsAsync(exchange),
            ("DELETE", _) when ClientsEndpoint.Has(exchange.Target.Path) => clients.DismissAsync(exchange),
            ("OPTIONS", _) when CrossOrigin.IsPreflight(exchange.Request) => crossOrigin.AnswerAsync(exchange, methods),
            _ => responses.MethodNotAllowedAsync(exchange, methods),
        };
    }

    private static string? MethodsOf(string path) => path switch
    {
        "/events" => "GET, POST",
        "/generate" => "POST",
        "/healthz" or "/status" or "/metrics" => "GET, HEAD",
        _ when ClientsEndpoint.Has(path) => "DELETE",
        _ => null,
    };
}
