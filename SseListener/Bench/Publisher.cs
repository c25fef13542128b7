using System.Diagnostics;
using System.Net.Sockets;
using System.Text;

namespace SseListener.Bench;

/// <summary>Publishes events one after another on one connection; each is sent when the one before has been answered.</summary>
internal sealed class Publisher(Run run, Target target, int size) : IDisposable
{
    private readonly byte[] _answer = new byte[16 * 1024];
    private Socket? _socket;
    private string _lastId = "";

    /// <summary>The id that the server gave the latest event; empty when it gave none.</summary>
    public string LastId => _lastId;

    /// <summary>Publishes all events of the run.</summary>
    /// <param name="rate">Events a second; 0 for as fast as they are answered.</param>
    /// <exception cref="BenchException">The server refused one, or went.</exception>
    public void PublishAll(double rate)
    {
        using var pause = new ManualResetEventSlim();
        var started = Stopwatch.GetTimestamp();
        for (var number = 0; number < run.Events; number++)
        {
            if (rate > 0 && TimeSpan.FromSeconds(number / rate) - Stopwatch.GetElapsedTime(started) is var early && early > TimeSpan.Zero)
            {
                pause.Wait(early);
            }

            Publish(number);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _socket?.Dispose();

    private void Publish(int number)
    {
        var request = target.Publish(run.Body(number, size));
        var socket = _socket ??= target.Connect();
        run.CountSent(number);
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
            throw new BenchException($"A publish was refused: {Log.OneLine(answer)}");
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
        return head + 4 + int.Parse(value, Units.Culture);
    }

    private void TakeId(string answer)
    {
        const string Name = "{\"id\":\"";
        if (answer.IndexOf(Name, StringComparison.Ordinal) is >= 0 and var at)
        {
            _lastId = answer[(at + Name.Length)..].Split('"')[0];
        }
    }
}
