using SseListener.Log;

namespace SseListener.Bench;

/// <summary>Sends requests on one connection, each when the one before has been answered.</summary>
internal sealed class Publisher(Target target) : IDisposable
{
    private readonly byte[] _answer = new byte[32 * 1024];
    private Socket? _socket;

    /// <exception cref="BenchException">The server refused it, or the connection failed.</exception>
    public string Send(byte[] request)
    {
        var socket = _socket ??= target.Connect();
        try
        {
            socket.Send(request);
            var answer = ReadAnswer(socket);
            if (answer.Contains("Connection: close", StringComparison.OrdinalIgnoreCase))
            {
                // HttpListener closes a connection after a hundred requests.
                socket.Dispose();
                _socket = null;
            }

            return answer;
        }
        catch (SocketException e)
        {
            throw new BenchException($"The connection of the publisher failed: {e.Message}");
        }
    }

    public void Dispose() => _socket?.Dispose();

    private string ReadAnswer(Socket socket)
    {
        var answer = "";
        for (var length = 0; !IsComplete(answer); answer = Encoding.ASCII.GetString(_answer, 0, length))
        {
            var read = length < _answer.Length ? socket.Receive(_answer, length, _answer.Length - length, SocketFlags.None) : 0;
            length += read > 0 ? read : throw new BenchException("A publish got no complete answer.");
        }

        return answer.StartsWith("HTTP/1.1 2", StringComparison.Ordinal)
            ? answer
            : throw new BenchException($"A publish was refused: {LogWriter.OneLine(answer)}");
    }

    private static bool IsComplete(string answer)
    {
        const string Length = "\r\nContent-Length:";
        var body = answer.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4;
        if (body < 4)
            return false;

        var field = answer.IndexOf(Length, 0, body, StringComparison.OrdinalIgnoreCase);
        if (field < 0)
        {
            var isChunked = answer[..body].Contains("chunked", StringComparison.OrdinalIgnoreCase);
            return !isChunked || answer.EndsWith("0\r\n\r\n", StringComparison.Ordinal);
        }

        var value = answer.AsSpan(field + Length.Length);
        return answer.Length >= body + int.Parse(value[..value.IndexOf('\r')], CultureInfo.InvariantCulture);
    }
}
