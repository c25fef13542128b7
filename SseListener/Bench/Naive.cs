namespace SseListener.Bench;

/// <summary>
/// A yardstick: HttpListener used the obvious way, with responses in a dictionary, its own chunks, and one awaited write for each client
/// and event.
/// </summary>
internal static class Naive
{
    private static readonly SemaphoreSlim _publishing = new(1);
    private static readonly ConcurrentDictionary<Guid, Stream> _clients = new();

    public static async Task RunAsync(int port)
    {
        using var listener = new HttpListener();
        listener.Prefixes.Add($"http://127.0.0.1:{port}/");
        listener.Start();
        Console.WriteLine("listening");
        while (true)
        {
            var context = await listener.GetContextAsync();
            _ = Task.Run(() => context.Request.HttpMethod == "POST" ? PublishAsync(context) : SubscribeAsync(context));
        }
    }

    private static async Task SubscribeAsync(HttpListenerContext context)
    {
        context.Response.ContentType = "text/event-stream";
        await context.Response.OutputStream.WriteAsync(": hi\n"u8.ToArray());
        _clients[Guid.NewGuid()] = context.Response.OutputStream;
    }

    private static async Task PublishAsync(HttpListenerContext context)
    {
        using var body = new MemoryStream();
        await context.Request.InputStream.CopyToAsync(body);
        var frame = BareSockets.Frame(body.ToArray());
        await _publishing.WaitAsync();
        foreach (var (_, stream) in _clients)
            await stream.WriteAsync(frame);

        _publishing.Release();
        context.Response.StatusCode = (int)HttpStatusCode.NoContent;
        context.Response.Close();
    }
}
