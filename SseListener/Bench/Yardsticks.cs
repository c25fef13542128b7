namespace SseListener.Bench;

/// <summary>What the server is compared with. Both send the body of each POST to all who came with GET.</summary>
internal static class Yardsticks
{
    /// <summary>HttpListener used the obvious way: responses in a dictionary, and one awaited write for each client and event.</summary>
    public static async Task RunNaiveAsync(int port)
    {
        var clients = new ConcurrentDictionary<Guid, Stream>();
        using var listener = new HttpListener();
        listener.Prefixes.Add($"http://127.0.0.1:{port}/");
        listener.Start();
        Console.WriteLine("listening");
        while (true)
        {
            var context = await listener.GetContextAsync();
            _ = Task.Run(() => ServeAsync(context.Request, context.Response));
        }

        async Task ServeAsync(HttpListenerRequest request, HttpListenerResponse response)
        {
            if (request.HttpMethod != "POST")
            {
                response.ContentType = "text/event-stream";
                await response.OutputStream.WriteAsync(": hi\n"u8.ToArray());
                clients[Guid.NewGuid()] = response.OutputStream;
                return;
            }

            // The bench has one publisher, which waits for its answer: no two publishes write to a client at once.
            using var body = new StreamReader(request.InputStream);
            var frame = Frame(await body.ReadToEndAsync());
            foreach (var (_, stream) in clients)
                await stream.WriteAsync(frame);

            response.StatusCode = (int)HttpStatusCode.NoContent;
            response.Close();
        }
    }

    /// <summary>No HTTP server, only a loop that sends each frame to each socket. Nothing can be cheaper.</summary>
    public static async Task RunSocketsAsync(int port)
    {
        var (clients, start) = (new List<Socket>(), new byte[4]);
        using var listener = new TcpListener(IPAddress.Loopback, port);
        listener.Start();
        Console.WriteLine("listening");
        while (true)
        {
            var socket = await listener.AcceptSocketAsync();
            socket.NoDelay = true;
            socket.Receive(start, SocketFlags.Peek);
            if (start.AsSpan().SequenceEqual("POST"u8))
            {
                _ = Task.Run(() => ServePublisher(socket));
                continue;
            }

            socket.Send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n: hi\n\r\n"u8);
            lock (clients)
                clients.Add(socket);
        }

        void ServePublisher(Socket publisher)
        {
            var buffer = new byte[2 * 1024 * 1024];
            while (HttpMessage.Receive(publisher, buffer) is { Length: > 0 } request)
            {
                var frame = Frame(HttpMessage.BodyOf(request));
                byte[] chunk = [.. Encoding.ASCII.GetBytes($"{frame.Length:x}\r\n"), .. frame, .. "\r\n"u8];
                lock (clients)
                    clients.ForEach(client => client.Send(chunk, SocketFlags.None, out _));

                publisher.Send("HTTP/1.1 204 No Content\r\n\r\n"u8);
            }
        }
    }

    private static byte[] Frame(string body) => Encoding.ASCII.GetBytes($"event: message\ndata: {body}\nid: abcdefghij\n\n");
}
