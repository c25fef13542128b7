using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text;
using SseListener.Access;
using SseListener.Listener;
using SseListener.Log;
using SseListener.Metrics;

namespace SseListener.Http;

/// <summary>
/// Short, complete answers. Each is written without holding a thread and within the write timeout, whatever its client does;
/// errors are problem details (RFC 9457).
/// </summary>
internal sealed class Responses(TimeSpan writeTimeout, ServerMetrics metrics, LogWriter log)
{
    // How long the rest of a refused body is read and thrown away (RFC 9112, section 9.6): a connection that is closed with
    // bytes unread is reset, and the client would lose the answer. All may write to the same place.
    private static readonly TimeSpan _linger = TimeSpan.FromSeconds(2);
    private static readonly byte[] _nowhere = new byte[16 * 1024];

    /// <summary>Sends an answer with a body; a HEAD request gets only the head of it.</summary>
    public async Task SendAsync(Exchange exchange, int status, string contentType, byte[] body)
    {
        exchange.Response.StatusCode = status;
        exchange.Response.ContentType = contentType;
        exchange.Response.ContentLength64 = body.Length;
        await SendAsync(exchange, exchange.Request.HttpMethod == "HEAD" ? [] : body);
    }

    /// <summary>Says that all is well, and nothing else.</summary>
    public Task SendEmptyAsync(Exchange exchange)
    {
        exchange.Response.StatusCode = (int)HttpStatusCode.NoContent;
        exchange.Response.ContentLength64 = 0;
        return SendAsync(exchange, []);
    }

    /// <summary>Refuses a request; <paramref name="detail"/> says what is wrong and what would be right.</summary>
    public Task ProblemAsync(Exchange exchange, int status, string detail) =>
        RefuseAsync(exchange, new Refusal(status, TitleOf(status).ToLowerInvariant().Replace(' ', '_'), detail));

    /// <summary>Refuses a request that is not granted.</summary>
    public Task RefuseAsync(Exchange exchange, Refusal refusal)
    {
        Count(exchange, refusal);

        // To an EventSource every answer that is not 200 is final (WHATWG HTML, section 9.2.3): it would stay away although the server is
        // back, or has room, a moment later. A connection that ends without an answer is a loss to it, after which it comes back.
        if ((refusal.IsUnanswered || (refusal.IsForNow && exchange.AsksForStream)) && exchange.TryBreak())
        {
            return Task.CompletedTask;
        }

        var headers = exchange.Response.Headers;
        headers["Cache-Control"] = "no-store";
        if (refusal.Error is { } error)
        {
            headers["WWW-Authenticate"] = $"Bearer error=\"{error}\"";
        }

        if (refusal.IsForNow)
        {
            headers["Retry-After"] = "1";
        }

        var title = JsonText.Quote(TitleOf(refusal.Status));
        var problem = $$"""{"type":"about:blank","title":{{title}},"status":{{refusal.Status}},"detail":{{JsonText.Quote(refusal.Detail)}}}""";
        return SendAsync(exchange, refusal.Status, "application/problem+json", Encoding.UTF8.GetBytes(problem));
    }

    /// <summary>Refuses a method; <paramref name="allow"/> lists those there are.</summary>
    public Task MethodNotAllowedAsync(Exchange exchange, string allow)
    {
        exchange.Response.Headers["Allow"] = allow;
        return ProblemAsync(exchange, (int)HttpStatusCode.MethodNotAllowed, $"This resource answers to {allow}.");
    }

    /// <summary>Says that there is nothing by this name.</summary>
    public Task NotFoundAsync(Exchange exchange) =>
        ProblemAsync(exchange, (int)HttpStatusCode.NotFound, "There is nothing here. The page is at /, the events at /events.");

    /// <summary>Sends the head that has been set up, and <paramref name="body"/>, which may be empty.</summary>
    public async Task SendAsync(Exchange exchange, byte[] body)
    {
        // A connection cannot be used again while the body of this request is still on its way.
        if (!exchange.BodyIsRead)
        {
            exchange.Response.KeepAlive = false;
        }

        await WriteAsync(exchange, body);
        await CloseAsync(exchange);
    }

    /// <summary>
    /// Sends the head that has been set up for a stream, for HEAD. HttpListener would send a last chunk behind it, or a length; where the
    /// socket cannot be reached, it does.
    /// </summary>
    public async Task SendHeadAsync(Exchange exchange)
    {
        if (exchange.Socket is { } socket)
        {
            var head = string.Create(CultureInfo.InvariantCulture, $"HTTP/1.1 200 OK\r\nDate: {DateTime.UtcNow:r}\r\nConnection: close\r\n");
            await socket.SendAsync(Encoding.ASCII.GetBytes(head + exchange.Response.Headers)).WaitAsync(writeTimeout);
        }

        if (!exchange.TryBreak())
        {
            await SendAsync(exchange, []);
        }
    }

    /// <summary>
    /// Writes a part of an answer; the first part takes the head along, even when it is empty. Closing would send the head too,
    /// but on this thread and for as long as the client likes.
    /// </summary>
    /// <exception cref="TimeoutException">The client did not take it within the write timeout.</exception>
    public Task WriteAsync(Exchange exchange, ArraySegment<byte> part)
    {
        // Most fit into the connection's buffer, and are done at once: no task for those.
        var output = exchange.Response.OutputStream;
        var write = output.BeginWrite(part.Array!, part.Offset, part.Count, callback: null, state: null);
        if (!write.IsCompleted)
        {
            return Task.Factory.FromAsync(write, output.EndWrite).WaitAsync(writeTimeout);
        }

        output.EndWrite(write);
        return Task.CompletedTask;
    }

    /// <summary>Ends an answer that has been written.</summary>
    public static async Task CloseAsync(Exchange exchange)
    {
        if (!exchange.BodyIsRead)
        {
            await LingerAsync(exchange);
        }

        exchange.Close();
    }

    private void Count(Exchange exchange, Refusal refusal)
    {
        var (method, path) = (exchange.Request.HttpMethod, exchange.Target.Path);
        log.Often(LogLevel.Info, $"refused {refusal.Cause}", $"{method} {exchange.Target.Shown} from {exchange.Remote} {refusal.Status}: {refusal.Reason}");
        switch (method, path)
        {
            case ("GET", "/events"):
                metrics.CountRefused(refusal.Cause);
                break;
            case ("POST", "/events" or "/generate"):
                metrics.CountPublishError(refusal.Status);
                break;
        }
    }

    private static async Task LingerAsync(Exchange exchange)
    {
        if (exchange.Request.ContentLength64 < 0 && exchange.ChunkedBody is null)
        {
            // It cannot be read safely.
            return;
        }

        var input = exchange.Request.InputStream;
        var started = Stopwatch.GetTimestamp();
        try
        {
            while (_linger - Stopwatch.GetElapsedTime(started) is var remaining
                && remaining > TimeSpan.Zero
                && await input.ReadAsync(_nowhere).AsTask().WaitAsync(remaining) > 0)
            {
                // Thrown away.
            }
        }
        catch (Exception e) when (e is TimeoutException or IOException or HttpListenerException or ObjectDisposedException)
        {
            // It went, or went on for too long: either way the connection is closed next.
        }
    }

    private static string TitleOf(int status) => status switch
    {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        411 => "Length Required",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        421 => "Misdirected Request",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        503 => "Service Unavailable",
        _ => "Internal Server Error",
    };
}
