using System.Net;
using System.Net.Sockets;
using System.Text;

namespace SseListener.Tests.Support;

/// <summary>
/// A small SSE server with a flaw of the test's choice: whatever is published goes through a function that says what the subscribers
/// get instead.
/// </summary>
internal sealed class FaultyServer : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly Func<string, IEnumerable<string>> _flaw;
    private readonly List<Stream> _subscribers = [];
    private readonly Lock _lock = new();

    public FaultyServer(Func<string, IEnumerable<string>> flaw)
    {
        _flaw = flaw;
        _listener.Start();
        _ = AcceptAsync();
    }

    public string Url => $"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}/events";

    public void Dispose()
    {
        _listener.Dispose();
        foreach (var subscriber in _subscribers)
            subscriber.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var client = await _listener.AcceptTcpClientAsync();
                _ = ServeAsync(client.GetStream());
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Disposed.
        }
    }

    private async Task ServeAsync(NetworkStream stream)
    {
        using var reader = new StreamReader(stream, Encoding.ASCII, leaveOpen: true);
        while (await reader.ReadLineAsync() is { } request)
        {
            var length = 0;
            while (await reader.ReadLineAsync() is { Length: > 0 } field)
                length = field.StartsWith("Content-Length: ", StringComparison.Ordinal) ? int.Parse(field.AsSpan(16), null) : length;

            if (request.StartsWith("GET", StringComparison.Ordinal))
            {
                // Whoever has the head is a subscriber: no event may come in between.
                lock (_lock)
                {
                    stream.Write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: hi\n"u8);
                    _subscribers.Add(stream);
                }

                return;
            }

            var body = new char[length];
            await reader.ReadBlockAsync(body);
            Send(new string(body));
            await stream.WriteAsync("HTTP/1.1 204 No Content\r\n\r\n"u8.ToArray());
        }
    }

    private void Send(string body)
    {
        lock (_lock)
        {
            foreach (var data in _flaw(body))
            {
                var frame = Encoding.ASCII.GetBytes($"data: {data}\n\n");
                _subscribers.ForEach(subscriber => subscriber.Write(frame));
            }
        }
    }
}
