using SseListener.Access;
using SseListener.Events;
using SseListener.Listener;
using SseListener.Log;
using SseListener.Metrics;

namespace SseListener.Http;

/// <summary>
/// Short, complete answers. Each is written without holding a thread and within the write timeout, whatever its client does;
/// errors are problem details (RFC 9457).
/// </summary>
internal sealed class Responses(ServerOptions options, ServerMetrics metrics, LogWriter log)
{
    /// <summary>Most bytes that are written at once. A larger answer takes room while it is on its way.</summary>
    public const int PartSize = 64 * 1024;

    // How long the rest of a refused body is read and thrown away (RFC 9112, section 9.6): a connection that is closed with
    // bytes unread is reset, and the client would lose the answer. All may write to the same array.
    private static readonly TimeSpan _linger = TimeSpan.FromSeconds(2);
    private static readonly byte[] _discarded = new byte[16 * 1024];
    private readonly Quota _largeAnswers = new(options.MaxAnswerBytes);

    /// <summary>Sends an answer that no cache may keep; a HEAD request gets only the head.</summary>
    public Task SendTextAsync(Exchange exchange, string contentType, string text, int status = 200) =>
        SendBytesAsync(exchange, contentType, Encoding.UTF8.GetBytes(text), status);

    /// <inheritdoc cref="SendTextAsync"/>
    public Task SendBytesAsync(Exchange exchange, string contentType, ReadOnlyMemory<byte> body, int status = 200)
    {
        var response = exchange.Response;
        response.StatusCode = status;
        response.Headers["Cache-Control"] = "no-store";
        response.ContentType = contentType;
        response.ContentLength64 = body.Length;
        return SendAsync(exchange, exchange.Request.HttpMethod == "HEAD" ? default : body);
    }

    public Task SendEmptyAsync(Exchange exchange)
    {
        exchange.Response.Headers["Cache-Control"] = "no-store";
        (exchange.Response.StatusCode, exchange.Response.ContentLength64) = ((int)HttpStatusCode.NoContent, 0);
        return SendAsync(exchange, default);
    }

    public Task RefuseAsync(Exchange exchange, Refusal refusal)
    {
        Record(exchange, refusal);

        // To an EventSource every answer that is not 200 is final (WHATWG HTML, section 9.2.3): it would stay away although the server is
        // back, or has room, a moment later. It comes back after a connection that ends without an answer.
        if ((refusal.IsUnanswered || (refusal.IsForNow && exchange.AsksForStream)) && exchange.TryBreak())
            return Task.CompletedTask;

        var headers = exchange.Response.Headers;
        if (refusal.Allow is not null)
            headers["Allow"] = refusal.Allow;

        headers["Cache-Control"] = "no-store";
        if (refusal.Challenge is not null)
            headers["WWW-Authenticate"] = refusal.Challenge;

        if (refusal.IsForNow)
            headers["Retry-After"] = "1";

        var (title, detail) = (JsonText.Quote(refusal.Title), JsonText.Quote(refusal.Detail));
        var ids = refusal.Ids.Count > 0 ? $",\"ids\":[{string.Join(',', refusal.Ids.Select(JsonText.Quote))}]" : "";
        var problem = $$"""{"type":"about:blank","title":{{title}},"status":{{refusal.Status}},"detail":{{detail}}{{ids}}}""";
        return SendTextAsync(exchange, "application/problem+json", problem, refusal.Status);
    }

    /// <summary>Sends the head that has been set up, and <paramref name="body"/>, which may be empty.</summary>
    public async Task SendAsync(Exchange exchange, ReadOnlyMemory<byte> body)
    {
        // A connection cannot be used again while the body of this request is still on its way.
        exchange.Response.KeepAlive &= exchange.BodyIsRead;
        using (body.Length > PartSize ? _largeAnswers.Acquire(body.Length, exchange.BreakWrite) : null)
        {
            // HttpListener has its own copy of each part.
            for (; body.Length > PartSize; body = body[PartSize..])
                await WriteAsync(exchange, body[..PartSize]);

            await WriteAsync(exchange, body);
        }

        await CloseAsync(exchange);
    }

    /// <summary>
    /// Answers HEAD with the head that has been set up for a stream. HttpListener would send a last chunk behind it, or a length; where
    /// the socket cannot be reached, it does.
    /// </summary>
    public async Task SendHeadAsync(Exchange exchange)
    {
        if (exchange.Socket is { } socket)
        {
            var head = $"HTTP/1.1 200 OK\r\nDate: {DateTime.UtcNow:r}\r\nConnection: close\r\n{exchange.Response.Headers}";
            await socket.SendAsync(Encoding.ASCII.GetBytes(head)).WaitAsync(options.WriteTimeout);
        }

        if (!exchange.TryBreak())
            await SendAsync(exchange, default);
    }

    /// <summary>
    /// Writes a part of an answer; the first part takes the head along, even when it is empty. Closing would send the head too,
    /// but on this thread and for as long as the client likes.
    /// </summary>
    /// <exception cref="TimeoutException">The client did not take it within the write timeout.</exception>
    public Task WriteAsync(Exchange exchange, ReadOnlyMemory<byte> part) =>
        exchange.Response.OutputStream.WriteAsync(part).AsTask().WaitAsync(options.WriteTimeout);

    public static async Task CloseAsync(Exchange exchange)
    {
        if (!exchange.BodyIsRead)
            await LingerAsync(exchange);

        exchange.Close();
    }

    private void Record(Exchange exchange, Refusal refusal)
    {
        var (method, target) = (exchange.Request.HttpMethod, exchange.Target);
        var from = $"{method} {target.Shown} from {exchange.Remote}";
        log.Often(LogLevel.Info, $"refused {refusal.Cause}", $"{from} {refusal.Status}: {refusal.Reason}");
        if (exchange.AsksForStream)
            metrics.CountRefused(refusal.Cause);
        else if (method == "POST" && target.Path is "/events" or "/generate")
            metrics.CountPublishError(refusal.Status);
    }

    private static async Task LingerAsync(Exchange exchange)
    {
        // It cannot be read safely.
        if (exchange.Request.ContentLength64 < 0 && exchange.ChunkedSource is null)
            return;

        using var end = new CancellationTokenSource(_linger);
        var read = 1;
        try
        {
            while (read > 0 && !end.IsCancellationRequested)
                read = await DiscardAsync(exchange, end.Token);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or SocketException or HttpListenerException
            or ObjectDisposedException)
        {
            // The client left, or goes on for too long: either way the connection is closed next.
        }
    }

    // Chunks are read past HttpListener, which would look at each of perhaps very many. Where they end is not seen then, so the client is
    // shown that the answer has ended, and closes the connection.
    private static async Task<int> DiscardAsync(Exchange exchange, CancellationToken end)
    {
        if (exchange.ChunkedSource is not { Socket: var socket })
            return await exchange.Request.InputStream.ReadAsync(_discarded, CancellationToken.None).AsTask().WaitAsync(end);

        socket.Shutdown(SocketShutdown.Send);
        return await socket.ReceiveAsync(_discarded, end);
    }
}
