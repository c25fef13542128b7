using System.Net.Http.Headers;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using SseListener.Events;
using SseListener.Log;

namespace SseListener.Verbs;

/// <summary>
/// A stream that is opened again when it breaks off, with the last id and after the time that its server asks for, as EventSource does
/// it (WHATWG HTML, section 9.2.3). Where EventSource gives up for good although the problem will pass, this one goes on. It begins
/// behind the id <paramref name="from"/>, or with what is new, and tells what happens to it.
/// </summary>
internal sealed class ReopeningStream(Uri url, string? token, string? from, Action<string> tell) : IDisposable
{
    // A server may ask for any delay: neither a loop without a pause nor more than a timer can wait.
    private static readonly TimeSpan _shortestDelay = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan _longestDelay = TimeSpan.FromDays(1);

    private readonly HttpClient _http = CreateClient(url);

    private string? _lastId = from;
    private TimeSpan _delay = TimeSpan.FromSeconds(3);
    private bool _isOver;

    /// <summary>Whether the server has refused the stream for good.</summary>
    public bool IsRefused { get; private set; }

    /// <summary>Reads events, each once, until the server refuses the stream or says that there is nothing more.</summary>
    public async IAsyncEnumerable<SseItem<string>> ReadAsync([EnumeratorCancellation] CancellationToken interrupted)
    {
        while (true)
        {
            using var answer = await TryOpenAsync(interrupted);
            if (_isOver)
                yield break;

            await foreach (var sseEvent in ReadAsync(answer, interrupted))
                yield return sseEvent;

            Tell($"reconnecting in {_delay.TotalSeconds:0.#} s");
            await Task.Delay(_delay, interrupted);
        }
    }

    public void Dispose() => _http.Dispose();

    private void Tell(string text) => tell(LogWriter.OneLine(text));

    private async Task<HttpResponseMessage?> TryOpenAsync(CancellationToken interrupted)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, url);
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("text/event-stream"));
        request.Headers.CacheControl = new CacheControlHeaderValue { NoStore = true };
        request.Headers.Authorization = token is null ? null : new AuthenticationHeaderValue("Bearer", token);
        if (!string.IsNullOrEmpty(_lastId))
            request.Headers.TryAddWithoutValidation("Last-Event-ID", _lastId);

        try
        {
            var answer = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, interrupted);
            var type = answer.Content.Headers.ContentType?.MediaType;
            if (answer.StatusCode == HttpStatusCode.OK && string.Equals(type, "text/event-stream", StringComparison.OrdinalIgnoreCase))
                return answer;

            await ReportRefusalAsync(answer, interrupted);
            answer.Dispose();
        }
        catch (HttpRequestException e)
        {
            Tell($"cannot connect: {e.Message}");
        }

        return null;
    }

    private async Task ReportRefusalAsync(HttpResponseMessage answer, CancellationToken interrupted)
    {
        // "HTTP 204 No Content" tells a client to stop.
        _isOver = !Remote.IsForNow(answer.StatusCode);
        IsRefused = _isOver && answer.StatusCode != HttpStatusCode.NoContent;
        if (answer.StatusCode == HttpStatusCode.OK)
        {
            Tell($"this is no event stream but {answer.Content.Headers.ContentType?.MediaType ?? "of no type"}");
            return;
        }

        Tell(await Remote.ReadRefusalAsync(answer, interrupted));
    }

    private async IAsyncEnumerable<SseItem<string>> ReadAsync(
        HttpResponseMessage? answer, [EnumeratorCancellation] CancellationToken interrupted)
    {
        if (answer is null)
            yield break;

        await using var body = await answer.Content.ReadAsStreamAsync(interrupted);
        var parser = SseParser.Create(body);
        await using var events = parser.EnumerateAsync(interrupted).GetAsyncEnumerator(interrupted);
        var resumedAfter = _lastId;
        Tell(OpeningOf(resumedAfter));
        for (var isFirst = true; await MoveNextAsync(events); isFirst = false)
        {
            var sseEvent = events.Current;
            _lastId = sseEvent.EventId ?? _lastId;
            if (sseEvent.EventType == "gap")
                Tell($"gap: what came after {resumedAfter} is no longer kept; all that is kept follows");

            // The greeting comes first and is about the connection; a later event of this name was published.
            if (!isFirst || sseEvent.EventType is not "hello")
                yield return sseEvent;
        }

        if (parser.ReconnectionInterval >= TimeSpan.Zero)
            _delay = TimeSpan.FromTicks(Math.Clamp(parser.ReconnectionInterval.Ticks, _shortestDelay.Ticks, _longestDelay.Ticks));
    }

    private static string OpeningOf(string? resumedAfter) => resumedAfter switch
    {
        null or "" => "connected",
        SseEvent.Earliest => "connected, beginning with all that is kept",
        _ => $"connected, resuming after {resumedAfter}",
    };

    private async Task<bool> MoveNextAsync(IAsyncEnumerator<SseItem<string>> events)
    {
        try
        {
            if (await events.MoveNextAsync())
                return true;
        }
        catch (Exception e) when (e is IOException or HttpRequestException)
        {
            // A stream usually ends this way.
        }

        Tell("the stream has broken off");
        return false;
    }

    [SuppressMessage("Reliability", "CA2000:Dispose objects before losing scope", Justification = "The client disposes its handler.")]
    private static HttpClient CreateClient(Uri url)
    {
        var handler = Remote.HandlerFor(url);
        (handler.ConnectCallback, handler.RequestHeaderEncodingSelector) = (ConnectAsync, (_, _) => Encoding.UTF8);
        return new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan };
    }

    // A stream may be silent for hours, and its server gone without a word: TCP's keep-alive finds out.
    [SuppressMessage("Reliability", "CA2000:Dispose objects before losing scope", Justification = "The stream that is returned owns it.")]
    private static async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancelled)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
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
