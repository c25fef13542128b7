using System.Text.RegularExpressions;
using SseListener.Log;

namespace SseListener.Bench;

/// <summary>Where to subscribe and publish.</summary>
internal sealed class Target
{
    // Milliseconds in which a server must send or take something.
    private const int Patience = 10_000;

    private readonly Uri _url;
    private readonly string _authorization;

    public Target(string url, string? token = null)
    {
        _url = Uri.TryCreate(url, UriKind.Absolute, out var address) && address.Scheme == Uri.UriSchemeHttp
            ? address : throw new BenchException($"{url} is no http URL.");
        _authorization = token is null ? "" : $"Authorization: Bearer {token}\r\n";
    }

    public Socket Connect()
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true, SendTimeout = Patience, ReceiveTimeout = Patience };
        try
        {
            socket.Connect(_url.IdnHost, _url.Port);
            return socket;
        }
        catch (SocketException e)
        {
            socket.Dispose();
            throw new BenchException($"{_url.Authority} cannot be reached: {e.Message}");
        }
    }

    /// <summary>A request; each of its header fields ends with a line break.</summary>
    public byte[] Request(string method, string fields, string body = "") => Encoding.ASCII.GetBytes(
        $"{method} {_url.PathAndQuery} HTTP/1.1\r\nHost: {_url.Authority}\r\n{_authorization}{fields}\r\n{body}");
}

/// <summary>Publishes on one connection, each time when the publish before has been answered.</summary>
internal sealed class Publisher(Target target) : IDisposable
{
    private readonly byte[] _answer = new byte[32 * 1024];
    private Socket? _socket;

    /// <summary>Returns the answer, unless the server refused it.</summary>
    public string Publish(string body, string type = "application/json")
    {
        _socket ??= target.Connect();
        _socket.Send(target.Request("POST", $"Content-Type: {type}\r\nContent-Length: {body.Length}\r\n", body));
        var answer = HttpMessage.Receive(_socket, _answer);
        if (!answer.StartsWith("HTTP/1.1 2", StringComparison.Ordinal))
            throw new BenchException($"A publish was refused: {LogWriter.OneLine(answer)}");

        // HttpListener closes a connection after a hundred requests.
        if (answer.Contains("Connection: close", StringComparison.OrdinalIgnoreCase))
            Dispose();

        return answer;
    }

    public void Dispose()
    {
        _socket?.Dispose();
        _socket = null;
    }
}

/// <summary>A request or an answer of HTTP/1.1 as ASCII text.</summary>
internal static partial class HttpMessage
{
    private const string EndOfHead = "\r\n\r\n";

    /// <summary>Receives one message: what has come of it when the connection ends or <paramref name="buffer"/> is full.</summary>
    public static string Receive(Socket socket, byte[] buffer)
    {
        var message = "";
        for (int length = 0, read = 1; read > 0 && !IsComplete(message); message = Encoding.ASCII.GetString(buffer, 0, length))
            length += read = socket.Receive(buffer.AsSpan(length));

        return message;
    }

    public static string BodyOf(string message) => message[(message.IndexOf(EndOfHead, StringComparison.Ordinal) + EndOfHead.Length)..];

    private static bool IsComplete(string message)
    {
        var body = message.IndexOf(EndOfHead, StringComparison.Ordinal) + EndOfHead.Length;
        return body >= EndOfHead.Length && (ContentLength().Match(message, 0, body) is { Success: true } length
            ? message.Length >= body + int.Parse(length.Groups[1].ValueSpan, CultureInfo.InvariantCulture)
            : !message[..body].Contains("chunked", StringComparison.OrdinalIgnoreCase)
                || message.EndsWith($"0{EndOfHead}", StringComparison.Ordinal));
    }

    [GeneratedRegex(@"\r\nContent-Length: *(\d+)", RegexOptions.IgnoreCase)]
    private static partial Regex ContentLength();
}
