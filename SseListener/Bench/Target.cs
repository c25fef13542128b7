namespace SseListener.Bench;

/// <summary>Where to subscribe and publish: an address that was looked up once, and the requests for it.</summary>
internal sealed class Target
{
    // Milliseconds in which a server must send or take something.
    private const int Patience = 10_000;

    private readonly Uri _url;
    private readonly string _authorization;
    private IPAddress? _address;

    /// <exception cref="BenchException">The URL is no http URL.</exception>
    public Target(string url, string? token)
    {
        if (!Uri.TryCreate(url, UriKind.Absolute, out var address) || address.Scheme != Uri.UriSchemeHttp)
            throw new BenchException($"{url} is no http URL.");

        _url = address;
        _authorization = token is null ? "" : $"Authorization: Bearer {token}\r\n";
    }

    /// <exception cref="BenchException">Its host is not known, or nobody listens there.</exception>
    public Socket Connect()
    {
        try
        {
            _address ??= Dns.GetHostAddresses(_url.IdnHost)[0];
            var socket = new Socket(_address.AddressFamily, SocketType.Stream, ProtocolType.Tcp)
            {
                NoDelay = true,
                SendTimeout = Patience,
                ReceiveTimeout = Patience,
            };
            socket.Connect(_address, _url.Port);
            return socket;
        }
        catch (SocketException e)
        {
            throw new BenchException($"{_url.Authority} cannot be reached: {e.Message}");
        }
    }

    /// <summary>The request of a subscriber that resumes after <paramref name="lastEventId"/>, or comes for the first time.</summary>
    public byte[] Subscribe(string? lastEventId, string? channel)
    {
        var resume = lastEventId is null ? "" : $"Last-Event-ID: {lastEventId}\r\n";
        return Request("GET", channel, $"Accept: text/event-stream\r\n{resume}", "");
    }

    public byte[] Publish(string body, string type = "application/json", string? channel = null) =>
        Request("POST", channel, $"Content-Type: {type}\r\nContent-Length: {body.Length}\r\n", body);

    private byte[] Request(string method, string? channel, string fields, string body)
    {
        var query = channel is null ? "" : $"{(_url.Query.Length == 0 ? '?' : '&')}channel={channel}";
        return Encoding.ASCII.GetBytes(
            $"{method} {_url.PathAndQuery}{query} HTTP/1.1\r\nHost: {_url.Authority}\r\n{_authorization}{fields}\r\n{body}");
    }
}
