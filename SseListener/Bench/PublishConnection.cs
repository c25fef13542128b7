using System.Globalization;
using System.Net.Sockets;
using System.Text;
using SseListener.Log;

namespace SseListener.Bench;

/// <summary>Sends requests one after another on one connection, each when the one before has been answered.</summary>
internal sealed class PublishConnection(Target target) : IDisposable
{
    private readonly byte[] _answer = new byte[32 * 1024];
    private Socket? _socket;

    /// <summary>The id that the server gave the latest event; empty when it gave none.</summary>
    public string LastId { get; private set; } = "";

    /// <summary>Sends a request and waits for its answer.</summary>
    /// <exception cref="BenchException">The server refused it, or went.</exception>
    public void Send(byte[] request)
    {
        var socket = _socket ??= target.Connect();
        try
        {
            socket.Send(request);
            if (ReadAnswer(socket))
            {
                return;
            }
        }
        catch (SocketException e)
        {
            throw new BenchException($"The connection of the publisher failed: {e.Message}");
        }

        // The server wants another one, as HttpListener does after a hundred requests.
        socket.Dispose();
        _socket = null;
    }

    /// <inheritdoc/>
    public void Dispose() => _socket?.Dispose();

    // Returns whether the connection can be used again.
    private bool ReadAnswer(Socket socket)
    {
        var length = 0;
        var end = -1;
        while (end < 0 || length < end)
        {
            var read = length < _answer.Length ? socket.Receive(_answer, length, _answer.Length - length, SocketFlags.None) : 0;
            if (read == 0)
            {
                throw new BenchException("A publish got no complete answer.");
            }

            length += read;
            end = EndOf(_answer.AsSpan(0, length));
        }

        var answer = Encoding.ASCII.GetString(_answer, 0, length);
        if (!answer.StartsWith("HTTP/1.1 2", StringComparison.Ordinal))
        {
            throw new BenchException($"A publish was refused: {LogWriter.OneLine(answer)}");
        }

        TakeId(answer);
        return !answer.Contains("Connection: close", StringComparison.OrdinalIgnoreCase);
    }

    private static int EndOf(ReadOnlySpan<byte> answer)
    {
        var head = answer.IndexOf("\r\n\r\n"u8);
        if (head < 0)
        {
            return -1;
        }

        var text = Encoding.ASCII.GetString(answer[..head]);
        var field = text.IndexOf("\r\nContent-Length:", StringComparison.OrdinalIgnoreCase);
        if (field < 0)
        {
            var isChunked = text.Contains("chunked", StringComparison.OrdinalIgnoreCase);
            return isChunked && !answer.EndsWith("0\r\n\r\n"u8) ? -1 : answer.Length;
        }

        var value = text[(field + "\r\nContent-Length:".Length)..].Split('\r')[0];
        return head + 4 + int.Parse(value, CultureInfo.InvariantCulture);
    }

    private void TakeId(string answer)
    {
        const string Name = "{\"id\":\"";
        if (answer.IndexOf(Name, StringComparison.Ordinal) is >= 0 and var at)
        {
            LastId = answer[(at + Name.Length)..].Split('"')[0];
        }
    }
}
