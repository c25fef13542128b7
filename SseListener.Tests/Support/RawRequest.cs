using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace SseListener.Tests.Support;

/// <summary>A bare socket: sends exactly these bytes and shows exactly what comes back.</summary>
internal sealed class RawRequest : IDisposable
{
    // For all that is waited for at once, which may be 20 MB through a small buffer. A limit for each read would never be reached: an
    // open stream always brings another heartbeat.
    private static readonly TimeSpan _limit = 3 * Wait.Limit;

    private readonly Socket _socket;
    private readonly StringBuilder _received = new();

    public RawRequest(int port, int? receiveBuffer = null, IPAddress? address = null)
    {
        address ??= IPAddress.Loopback;
        _socket = new(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        if (receiveBuffer is { } size)
            _socket.ReceiveBufferSize = size;

        _socket.Connect(address, port);
    }

    /// <summary>Whether the connection has ended with RST in place of FIN.</summary>
    public bool IsReset { get; private set; }

    /// <summary>Everything received so far, a character a byte.</summary>
    public string Received => _received.ToString();

    /// <summary>The data of all chunks that have come to their end; the tests of chunks themselves look at <see cref="Received"/>.</summary>
    public string Body => string.Concat(Chunks);

    /// <summary>The same, by chunk.</summary>
    public IReadOnlyList<string> Chunks
    {
        get
        {
            var (received, chunks) = (Received, new List<string>());
            for (var at = received.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4; received.IndexOf("\r\n", at, StringComparison.Ordinal) is var end and > 0;)
            {
                var length = int.Parse(received.AsSpan(at..end), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
                at = end + 2 + length;
                if (length == 0 || received.Length < at + 2)
                    break;

                chunks.Add(received.Substring(end + 2, length));
                Assert.That(received.Substring(at, 2), Is.EqualTo("\r\n"), "a chunk ends with a line end");
                at += 2;
            }

            return chunks;
        }
    }

    /// <summary>Sends a request and returns the whole answer, the connection's end included.</summary>
    public static async Task<string> ExchangeAsync(int port, string request)
    {
        using var raw = new RawRequest(port);
        await raw.SendAsync(request);
        return await raw.ReadToEndAsync();
    }

    /// <summary>The head of a request to this port, with these further fields.</summary>
    public static string Head(int port, string methodAndTarget, params string[] fields) =>
        $"{methodAndTarget} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{string.Concat(fields.Select(field => field + "\r\n"))}\r\n";

    /// <summary>Sends characters as bytes.</summary>
    public async Task SendAsync(string text) => await _socket.SendAsync(Encoding.Latin1.GetBytes(text)).WaitAsync(_limit);

    /// <summary>Says that nothing more will be sent.</summary>
    public void EndSending() => _socket.Shutdown(SocketShutdown.Send);

    /// <summary>Ends the connection with RST in place of FIN.</summary>
    public void Reset()
    {
        _socket.LingerState = new LingerOption(enable: true, seconds: 0);
        _socket.Close();
    }

    /// <summary>Reads until <paramref name="text"/> has been received, and returns everything.</summary>
    public async Task<string> ReadUntilAsync(string text)
    {
        await SearchAsync(text).WaitAsync(_limit);
        return Received;
    }

    /// <summary>Reads until a chunk with this text has come to its end.</summary>
    public async Task ReadChunkAsync(string text)
    {
        await ReadUntilAsync(text);
        while (!Body.Contains(text, StringComparison.Ordinal))
            Assert.That(await ReadAsync().WaitAsync(_limit), Is.True, "the connection ended in a chunk");
    }

    /// <summary>Reads until the other side ends the connection.</summary>
    public async Task<string> ReadToEndAsync()
    {
        await ReadAllAsync().WaitAsync(_limit);
        return Received;
    }

    public void Dispose() => _socket.Dispose();

    private async Task SearchAsync(string text)
    {
        // Only what is new is searched: what arrives may be long and come in small pieces.
        for (var searched = 0; !_received.ToString(searched, _received.Length - searched).Contains(text, StringComparison.Ordinal);)
        {
            searched = Math.Max(0, _received.Length - text.Length);
            if (!await ReadAsync())
                Assert.Fail($"the connection ended before {text}, after {_received.ToString(0, Math.Min(200, _received.Length))}");
        }
    }

    private async Task ReadAllAsync()
    {
        while (await ReadAsync())
        {
            // More.
        }
    }

    private async Task<bool> ReadAsync()
    {
        var buffer = new byte[64 * 1024];
        try
        {
            var count = await _socket.ReceiveAsync(buffer);
            _received.Append(Encoding.Latin1.GetString(buffer, 0, count));
            return count > 0;
        }
        catch (SocketException e)
        {
            IsReset = e.SocketErrorCode is SocketError.ConnectionReset;
            return false;
        }
    }
}
