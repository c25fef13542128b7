using SseListener.Access;
using SseListener.Events;
using SseListener.Listener;
using SseListener.Log;

namespace SseListener.Http;

/// <summary>Which endpoint answers which request, and what is done with every request before that.</summary>
internal sealed class Router(
    ServerOptions options, RequestListener listener, EventHub hub, EventsEndpoint events, DismissEndpoint dismiss,
    ChannelsEndpoint channels, PublishEndpoint publish,
    StatusEndpoints status, StaticFiles files, CrossOrigin crossOrigin, Responses responses, LogWriter log)
{
    // What follows in the path is a client's id or a channel's name, in which there may be slashes.
    private static readonly string[] _folders = [DismissEndpoint.ClientPath, ChannelsEndpoint.ChannelPath];

    // A POST may have the parameters of text; PublishEndpoint refuses them beside JSON.
    private readonly Dictionary<string, Route[]> _routes = new(StringComparer.Ordinal)
    {
        ["/events"] =
        [
            new("GET", events.AnswerAsync, Parameters.Events),
            new("HEAD", events.AnswerAsync, Parameters.Events),
            new("POST", publish.PublishAsync, Parameters.Text),
        ],
        ["/generate"] = [new("POST", publish.PublishAsync, Parameters.Text)],
        ["/healthz"] = [new("GET", status.HealthAsync, Parameters.None), new("HEAD", status.HealthAsync, Parameters.None)],
        ["/status"] = [new("GET", status.StatusAsync, Parameters.None), new("HEAD", status.StatusAsync, Parameters.None)],
        ["/metrics"] = [new("GET", status.MetricsAsync, Parameters.None), new("HEAD", status.MetricsAsync, Parameters.None)],
        ["/openapi.json"] = [new("GET", files.DescribeAsync, Parameters.None), new("HEAD", files.DescribeAsync, Parameters.None)],
        ["/channels"] = [new("GET", channels.ListAsync, Parameters.List), new("HEAD", channels.ListAsync, Parameters.List)],
        [ChannelsEndpoint.ChannelPath] =
        [
            new("GET", channels.ShowAsync, Parameters.Token),
            new("HEAD", channels.ShowAsync, Parameters.Token),
            new("DELETE", publish.ForgetAsync, Parameters.None),
        ],
        [DismissEndpoint.ClientPath] = [new("DELETE", dismiss.DismissAsync, Parameters.None)],
    };

    /// <summary>All methods of all paths, and the query parameters of each: for the test that compares them with openapi.json.</summary>
    public IEnumerable<(string Method, string Path, IReadOnlyList<string> Known)> Routes =>
        from path in _routes from route in path.Value select (route.Method, path.Key, route.Known);

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
        var key = Array.Find(_folders, folder => path.StartsWith(folder, StringComparison.Ordinal)) ?? path;
        if (!_routes.TryGetValue(key, out var routes))
            return files.ServeAsync(exchange);

        var methods = string.Join(", ", routes.Select(route => route.Method));
        if (CrossOrigin.IsPreflight(exchange))
            return AnswerPreflightAsync(exchange, methods);

        var route = Array.Find(routes, route => route.Method == exchange.Request.HttpMethod);
        return route is null ? Task.FromResult<Refusal?>(Refusal.OfMethod(methods))
            : Parameters.ProblemOf(exchange.Target, route.Known) is { } problem ? Task.FromResult<Refusal?>(Refusal.OfParameter(problem))
            : route.AnswerAsync(exchange);
    }

    private async Task<Refusal?> AnswerPreflightAsync(Exchange exchange, string methods)
    {
        var refusal = crossOrigin.AnswerPreflight(exchange, methods);
        if (refusal is null)
            await responses.SendEmptyAsync(exchange);

        return refusal;
    }

    // What is wrong with a request whatever it asks for. A server that stops still tells how it is doing.
    private Refusal? Check(Exchange exchange)
    {
        var (host, target) = (exchange.Host, exchange.Target);
        return !listener.AnswersTo(host)
                ? Refusal.Of(421, $"The server does not answer to the name '{host}', but to {options.Host}: see --host.")
            : ReferenceEquals(target, RequestTarget.None)
                ? Refusal.Of(400, "The URL has an escape that is not %XX, or whose bytes are not UTF-8.")
            : target.HasTooManyParameters ? Refusal.Of(400, $"The URL may have at most {RequestTarget.MostParameters} parameters.")
            : exchange.HeaderSize > options.MaxHeader
                ? Refusal.Of(431, $"The request line and the header fields may have at most {options.MaxHeader} bytes (--max-header).")
            : hub.IsComplete && target.Path is not ("/status" or "/metrics") ? Refusal.Stopping
            : null;
    }

    private void Log(Exchange exchange)
    {
        var level = exchange.AsksForStream ? LogLevel.Info : LogLevel.Debug;

        // Only the path: a query may hold a secret.
        if (log.Writes(level))
            log.Often(level, "request", $"{exchange.Request.HttpMethod} {exchange.Target.Shown} from {exchange.Remote}");

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

    private sealed record Route(string Method, Func<Exchange, Task<Refusal?>> AnswerAsync, IReadOnlyList<string> Known);
}
