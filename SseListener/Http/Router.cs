namespace SseListener.Http;

/// <summary>Which endpoint answers which request.</summary>
internal sealed class Router(EventsEndpoint events, PublishEndpoint publish, StaticFiles files, Responses responses)
{
    /// <summary>Answers a request; a stream is answered when it is over.</summary>
    public Task RouteAsync(Exchange exchange) => (exchange.Request.HttpMethod, exchange.Target.Path) switch
    {
        ("GET", "/events") => events.SubscribeAsync(exchange),
        ("POST", "/events" or "/generate") => publish.HandleAsync(exchange),
        (_, "/events") => responses.MethodNotAllowedAsync(exchange, "GET, POST"),
        (_, "/generate") => responses.MethodNotAllowedAsync(exchange, "POST"),
        _ => files.ServeAsync(exchange),
    };
}
