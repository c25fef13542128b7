using SseListener.Listener;
using SseListener.Log;

namespace SseListener.Http;

/// <summary>Logs what is asked for: never what may be a secret.</summary>
internal static class RequestLog
{
    /// <summary>Logs a request, and at level debug its header fields.</summary>
    public static void Write(LogWriter log, Exchange exchange)
    {
        // Paths only: a query may hold what is nobody's business.
        var level = exchange.Target.Path == "/events" && exchange.Request.HttpMethod == "GET" ? LogLevel.Info : LogLevel.Debug;
        if (log.Writes(level))
        {
            log.Often(level, "request", $"{exchange.Request.HttpMethod} {exchange.Target.Shown} from {exchange.Remote}");
        }

        if (log.Writes(LogLevel.Debug))
        {
            var headers = exchange.Request.Headers;
            log.Debug(string.Join("; ", headers.AllKeys.Select(name => $"{name}: {(IsSecret(name!, headers[name]!) ? "…" : headers[name])}")));
        }
    }

    // What may hold a token. URLs may have one in their query: that of the page a request comes from, and what proxies tell of.
    private static bool IsSecret(string header, string value) =>
        header.ToUpperInvariant() is "AUTHORIZATION" or "PROXY-AUTHORIZATION" or "COOKIE" or "REFERER" || value.Contains("token", StringComparison.OrdinalIgnoreCase);
}
