using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.ServerSentEvents;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Text;
using SseListener.Events;
using SseListener.Log;

namespace SseListener.Tail;

/// <summary>
/// A stream that is opened again when it breaks off, with the last id and after the time that its server asks for, as EventSource does
/// it (WHATWG HTML, section 9.2.3). Where EventSource gives up for good although it is only for now, this one goes on.
/// </summary>
internal sealed class ReopeningStream : IDisposable
{
    // What EventSource waits is its own choice until the server has said something.
    private static readonly TimeSpan _usualDelay = TimeSpan.FromSeconds(3);

    // A server may ask for anything: not for a loop without a pause, and not for more than a timer can.
    private static readonly TimeSpan _shortestDelay = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan _longestDelay = TimeSpan.FromDays(1);

    private readonly SocketsHttpHandler _handler = new() { ConnectCallback = ConnectAsync, RequestHeaderEncodingSelector = (_, _) => Encoding.UTF8 };
    private readonly HttpClient _http;
    private readonly Uri _url;
    private readonly Action<string> _tell;
    private string? _lastId;
    private TimeSpan _delay = _usualDelay;
    private bool _isOver;

    /// <summary>A stream that is not open yet.</summary>
    /// <param name="url">Where it is.</param>
    /// <param name="token">A bearer token for it, or null.</param>
    /// <param name="from">The id to begin behind; null for what is new.</param>
    /// <param name="tell">Takes what happens to the stream, a line each.</param>
    public ReopeningStream(Uri url, string? token, string? from, Action<string> tell)
    {
        _url = url;
        _lastId = from;
        _tell = text => tell(LogWriter.OneLine(text));
        _http = new HttpClient(_handler) { Timeout = Timeout.InfiniteTimeSpan };
        _http.DefaultRequestHeaders.Accept.Add(new MediaTypeWithQualityHeaderValue("text/event-stream"));
        _http.DefaultRequestHeaders.CacheControl = new CacheControlHeaderValue { NoStore = true };
        _http.DefaultRequestHeaders.Authorization = token is null ? null : new AuthenticationHeaderValue("Bearer", token);
    }

    /// <summary>Whether the server has refused the stream for good.</summary>
    public bool IsRefused { get; private set; }

    /// <summary>Reads events, each once, until the server refuses the stream or says that there is nothing more.</summary>
    /// <param name="interrupted">Ends it.</param>
    public async IAsyncEnumerable<SseItem<string>> ReadAsync([EnumeratorCancellation] CancellationToken interrupted)
    {
        while (true)
        {
            using var answer = await TryOpenAsync(interrupted);
            if (answer is not null)
            {
                await foreach (var sseEvent in ReadAsync(answer, interrupted))
                {
                    yield return sseEvent;
                }
            }

            if (_isOver)
            {
                yield break;
            }

            _tell(string.Create(CultureInfo.InvariantCulture, $"reconnecting in {_delay.TotalSeconds:0.#} s"));
            await Task.Delay(_delay, interrupted);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _http.Dispose();
        _handler.Dispose();
    }

    private async Task<HttpResponseMessage?> TryOpenAsync(CancellationToken interrupted)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, _url);
        if (_lastId is { Length: > 0 } id)
        {
            request.Headers.TryAddWithoutValidation("Last-Event-ID", id);
        }

        try
        {
            var answer = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, interrupted);
            if (answer.StatusCode == HttpStatusCode.OK && answer.Content.Headers.ContentType?.MediaType?.Equals("text/event-stream", StringComparison.OrdinalIgnoreCase) == true)
            {
                return answer;
            }

            await TakeRefusalAsync(answer, interrupted);
            answer.Dispose();
        }
        catch (HttpRequestException e)
        {
            _tell($"cannot connect: {e.Message}");
        }

        return null;
    }

    private async Task TakeRefusalAsync(HttpResponseMessage answer, CancellationToken interrupted)
    {
        // A server that restarts, a proxy whose server does, a limit: all pass.
        var isForNow = answer.StatusCode is HttpStatusCode.TooManyRequests or HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout;

        // "HTTP 204 No Content": tells the client to stop reconnecting.
        _isOver = !isForNow;
        IsRefused = !isForNow && answer.StatusCode != HttpStatusCode.NoContent;
        var isStream = answer.StatusCode == HttpStatusCode.OK;
        _tell(isStream
            ? $"this is no event stream but {answer.Content.Headers.ContentType?.MediaType ?? "of no type"}"
            : $"{(int)answer.StatusCode} {answer.ReasonPhrase}: {await ProblemDetail.ReadAsync(answer, interrupted)}"
                + (answer.StatusCode is HttpStatusCode.Unauthorized ? " (a token is given with --token or in SSE_TOKEN)" : ""));
    }

    private async IAsyncEnumerable<SseItem<string>> ReadAsync(HttpResponseMessage answer, [EnumeratorCancellation] CancellationToken interrupted)
    {
        await using var body = await answer.Content.ReadAsStreamAsync(interrupted);
        var parser = SseParser.Create(body);
        await using var events = parser.EnumerateAsync(interrupted).GetAsyncEnumerator(interrupted);
        var asked = _lastId;
        _tell(asked switch
        {
            null or "" => "connected",
            SseEvent.Earliest => "connected, beginning with all that is kept",
            _ => $"connected, resuming after {_lastId}",
        });
        for (var isFirst = true; await MoveNextAsync(events); isFirst = false)
        {
            var sseEvent = events.Current;
            _lastId = sseEvent.EventId ?? _lastId;
            if (sseEvent.EventType == "gap")
            {
                _tell($"gap: what came after {asked} is no longer kept; all that is kept follows");
            }

            // The greeting is about the connection; one that somebody has published comes later.
            if (!isFirst || sseEvent.EventType is not "hello")
            {
                yield return sseEvent;
            }
        }

        if (parser.ReconnectionInterval >= TimeSpan.Zero)
        {
            _delay = TimeSpan.FromTicks(Math.Clamp(parser.ReconnectionInterval.Ticks, _shortestDelay.Ticks, _longestDelay.Ticks));
        }
    }

    private async Task<bool> MoveNextAsync(IAsyncEnumerator<SseItem<string>> events)
    {
        try
        {
            if (await events.MoveNextAsync())
            {
                return true;
            }
        }
        catch (Exception e) when (e is IOException or HttpRequestException)
        {
            // A stream has no end of its own, so this is how it ends.
        }

        _tell("the stream has broken off");
        return false;
    }

    // A stream may be silent for hours, and its server gone without a word: the operating system finds out.
    [SuppressMessage("Reliability", "CA2000:Dispose objects before losing scope", Justification = "The stream that is returned owns it.")]
    private static async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancelled)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.NoDelay = true;
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, 45);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, 15);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, 3);
            await socket.ConnectAsync(context.DnsEndPoint, cancelled);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
