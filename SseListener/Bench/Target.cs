using System.Net;
using System.Net.Sockets;
using System.Text;

namespace SseListener.Bench;

/// <summary>Where to subscribe and publish: an address that was looked up once, and the requests for it.</summary>
internal sealed class Target
{
    // Milliseconds in which a server sends or takes anything at all.
    private const int Patience = 10_000;

    private readonly Uri _url;
    private readonly IPAddress _address;
    private readonly string _authorization;

    /// <summary>A target by its URL.</summary>
    /// <param name="url">An http URL.</param>
    /// <param name="token">Sent as a bearer token (RFC 6750), when there is one.</param>
    /// <exception cref="BenchException">It is no http URL, or its host is not known.</exception>
    public Target(string url, string? token)
    {
        if (!Uri.TryCreate(url, UriKind.Absolute, out var address) || address.Scheme != Uri.UriSchemeHttp)
        {
            throw new BenchException($"{url} is no http URL.");
        }

        _url = address;
        _authorization = token is null ? "" : $"Authorization: Bearer {token}\r\n";
        try
        {
            _address = Dns.GetHostAddresses(_url.IdnHost)[0];
        }
        catch (SocketException e)
        {
            throw new BenchException($"{_url.Host}: {e.Message}");
        }
    }

    /// <summary>Opens a connection.</summary>
    /// <exception cref="BenchException">Nobody listens there.</exception>
    public Socket Connect()
    {
        var socket = new Socket(_address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true, SendTimeout = Patience, ReceiveTimeout = Patience };
        try
        {
            socket.Connect(_address, _url.Port);
            return socket;
        }
        catch (SocketException e)
        {
            socket.Dispose();
            throw new BenchException($"{_url.Authority} cannot be reached: {e.Message}");
        }
    }

    /// <summary>The request of a subscriber that comes back with <paramref name="lastEventId"/>, or for the first time.</summary>
    public byte[] Subscribe(string? lastEventId, string? channel = null)
    {
        var resume = lastEventId is null ? "" : $"Last-Event-ID: {lastEventId}\r\n";
        return Encoding.ASCII.GetBytes($"GET {PathOf(channel)} HTTP/1.1\r\nHost: {_url.Authority}\r\nAccept: text/event-stream\r\n{resume}{_authorization}\r\n");
    }

    /// <summary>The request of a publisher.</summary>
    public byte[] Publish(string body, string type = "application/json", string? channel = null) => Encoding.ASCII.GetBytes(
        $"POST {PathOf(channel)} HTTP/1.1\r\nHost: {_url.Authority}\r\nContent-Type: {type}\r\n{_authorization}Content-Length: {body.Length}\r\n\r\n{body}");

    private string PathOf(string? channel) =>
        channel is null ? _url.PathAndQuery : $"{_url.PathAndQuery}{(_url.Query.Length == 0 ? '?' : '&')}channel={channel}";
}
