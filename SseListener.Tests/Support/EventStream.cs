using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Http.Headers;
using System.Net.ServerSentEvents;
using System.Text.Json;

namespace SseListener.Tests.Support;

/// <summary>A subscriber over a real connection, read with the framework's own parser, which shares no code with ours.</summary>
internal sealed class EventStream : IAsyncDisposable
{
    private readonly HttpResponseMessage _response;
    [SuppressMessage("Usage", "CA2213:Disposable fields should be disposed", Justification = "It may be in the middle of a read, which ends with the response.")]
    private readonly IAsyncEnumerator<SseItem<string>> _items;

    private readonly SseParser<string> _parser;

    private EventStream(HttpResponseMessage response, SseParser<string> parser)
    {
        _response = response;
        _parser = parser;
        _items = parser.EnumerateAsync().GetAsyncEnumerator();
    }

    /// <summary>The id that the server gave this client, from its greeting.</summary>
    public string ClientId { get; private set; } = "";

    /// <summary>The data of its greeting.</summary>
    public string Hello { get; private set; } = "";

    /// <summary>The id that a browser would send when it reconnects.</summary>
    public string LastEventId => _parser.LastEventId;

    public HttpResponseHeaders Headers => _response.Headers;

    /// <summary>Subscribes and reads the greeting.</summary>
    public static async Task<EventStream> OpenAsync(HttpClient http, string path, string? lastEventId = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        if (lastEventId is not null)
            request.Headers.TryAddWithoutValidation("Last-Event-ID", lastEventId);

        var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        var stream = new EventStream(response, SseParser.Create(await response.Content.ReadAsStreamAsync()));
        var hello = await stream.NextAsync();
        stream.Hello = hello.Data;
        var data = JsonDocument.Parse(hello.Data).RootElement;

        // A whole event in an envelope is a message.
        var (type, greeting) = hello.EventType is "message" ? (data.GetProperty("type").GetString(), data.GetProperty("data")) : (hello.EventType, data);
        Assert.That(type, Is.EqualTo("hello"));
        stream.ClientId = greeting.GetProperty("client").GetString()!;
        return stream;
    }

    /// <summary>The next event, which must come soon.</summary>
    public async Task<SseItem<string>> NextAsync()
    {
        Assert.That(await _items.MoveNextAsync().AsTask().WaitAsync(Wait.Limit), Is.True, "the stream ended");
        return _items.Current;
    }

    /// <summary>The next event, however long it takes; null when the stream has ended.</summary>
    public async Task<SseItem<string>?> TryNextAsync() => await _items.MoveNextAsync() ? _items.Current : null;

    /// <summary>The next events' data.</summary>
    public async Task<List<string>> NextDataAsync(int count)
    {
        var data = new List<string>();
        while (data.Count < count)
            data.Add((await NextAsync()).Data);

        return data;
    }

    /// <summary>Waits for the stream to end.</summary>
    public async Task<int> EndAsync()
    {
        var more = 0;
        try
        {
            while (await _items.MoveNextAsync().AsTask().WaitAsync(Wait.Limit))
                more++;
        }
        catch (Exception e) when (e is IOException or HttpRequestException)
        {
            // A stream has no end of its own, so every end is one in the middle.
        }

        return more;
    }

    /// <summary>Closes the connection.</summary>
    public ValueTask DisposeAsync()
    {
        _response.Dispose();
        return ValueTask.CompletedTask;
    }
}
