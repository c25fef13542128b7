namespace SseListener.Bench;

/// <summary>A yardstick: no HTTP server, only a loop that sends each frame to each socket. Nothing can be cheaper.</summary>
internal static class BareSockets
{
    private const int Backlog = 4096;

    private static readonly List<Socket> _clients = [];

    public static void Run(int port)
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        listener.Bind(new IPEndPoint(IPAddress.Loopback, port));
        listener.Listen(Backlog);
        Console.WriteLine("listening");
        var start = new byte[4];
        while (true)
        {
            var socket = listener.Accept();
            socket.Receive(start, SocketFlags.Peek);
            if (start.AsSpan().SequenceEqual("POST"u8))
            {
                new Thread(() => ServePublisher(socket)) { IsBackground = true }.Start();
                continue;
            }

            socket.Send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n: hi\n\r\n"u8);
            lock (_clients)
                _clients.Add(socket);
        }
    }

    public static byte[] Frame(ReadOnlySpan<byte> body) => [.. "event: message\ndata: "u8, .. body, .. "\nid: abcdefghij\n\n"u8];

    private static void ServePublisher(Socket socket)
    {
        const string Length = "Content-Length: ";
        using var stream = new NetworkStream(socket, ownsSocket: true);
        using var reader = new StreamReader(stream, Encoding.ASCII);
        var body = Array.Empty<char>();
        while (reader.ReadLine() is { } line)
        {
            if (line.StartsWith(Length, StringComparison.Ordinal))
            {
                body = new char[int.Parse(line.AsSpan(Length.Length), CultureInfo.InvariantCulture)];
            }
            else if (line.Length == 0)
            {
                reader.ReadBlock(body);
                SendToAll(Frame(Encoding.ASCII.GetBytes(body)));
                stream.Write("HTTP/1.1 204 No Content\r\n\r\n"u8);
            }
        }
    }

    private static void SendToAll(byte[] frame)
    {
        byte[] chunk = [.. Encoding.ASCII.GetBytes($"{frame.Length:x}\r\n"), .. frame, .. "\r\n"u8];
        lock (_clients)
            _clients.ForEach(client => client.Send(chunk, SocketFlags.None, out _));
    }
}
