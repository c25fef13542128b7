// Prints each event of a channel once, and comes back by itself when the stream breaks off. It goes into a console project in place
// of Program.cs.
using System.Net;
using System.Net.ServerSentEvents;
using System.Net.Sockets;
using System.Text;

var url = args is [var given] ? given : "http://localhost:3000/events?channel=orders/42";
var pause = TimeSpan.FromSeconds(3);

// To go on where this program was when it ended, keep the last id where you keep what you make of the events.
string? lastId = null;

using var http = new HttpClient(new SocketsHttpHandler
{
    ConnectCallback = ConnectAsync,
    RequestHeaderEncodingSelector = (_, _) => Encoding.UTF8,
})
{
    Timeout = Timeout.InfiniteTimeSpan,
};

while (true)
{
    try
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, url);
        if (lastId is not null)
            request.Headers.TryAddWithoutValidation("Last-Event-ID", lastId);

        using var answer = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);

        // The channel has ended, and this program has all of it.
        if (answer.StatusCode == HttpStatusCode.NoContent)
            break;

        if (!answer.IsSuccessStatusCode)
            throw new HttpRequestException(await answer.Content.ReadAsStringAsync(), inner: null, answer.StatusCode);

        await foreach (var item in SseParser.Create(await answer.Content.ReadAsStreamAsync()).EnumerateAsync())
        {
            Handle(item);
            lastId = item.EventId ?? lastId;
            pause = item.ReconnectionInterval ?? pause;
        }
    }
    catch (Exception e) when (e is IOException or HttpRequestException { StatusCode: null or >= HttpStatusCode.TooManyRequests })
    {
        Console.Error.WriteLine(e.Message);
    }

    await Task.Delay(pause);
}

static void Handle(SseItem<string> item)
{
    switch (item.EventType)
    {
        case "hello":
            Console.WriteLine($"connected: {item.Data}");
            break;
        case "gap":
            // What follows is all that is kept. What is missing between can only come from your database.
            Console.WriteLine("gap: some events are no longer kept");
            break;
        default:
            Console.WriteLine($"{item.EventType}: {item.Data}");
            break;
    }
}

// A stream may be silent, and its server gone without a word. TCP's keep-alive finds out.
static async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken stop)
{
    var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
    socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, 45);
    await socket.ConnectAsync(context.DnsEndPoint, stop);
    return new NetworkStream(socket, ownsSocket: true);
}
