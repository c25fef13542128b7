using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace SseListener.Bench;

/// <summary>
/// A yardstick: no HTTP server at all, only a loop that sends each frame to each socket. What sending costs, nothing can be cheaper
/// that sends each event by itself.
/// </summary>
internal static class BareSockets
{
    // The largest event that the bench sends, and its head.
    private const int LargestRequest = 1024 * 1024 + 4096;

    private const int Backlog = 4096;

    /// <summary>Serves <c>GET</c> and <c>POST /events</c> until the process ends.</summary>
    public static void Run(int port)
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        listener.Bind(new IPEndPoint(IPAddress.Loopback, port));
        listener.Listen(Backlog);
        Console.WriteLine("listening");
        var clients = new List<Socket>();
        var request = new byte[4096];
        while (true)
        {
            var socket = listener.Accept();
            var count = socket.Receive(request);
            if (request.AsSpan(0, count).StartsWith("POST"u8))
            {
                var first = request[..count];
                new Thread(() => Publish(socket, first, clients)) { IsBackground = true }.Start();
            }
            else if (count > 0)
            {
                socket.Send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n: hi\n\r\n"u8);
                lock (clients)
                {
                    clients.Add(socket);
                }
            }
        }
    }

    /// <summary>The frame that carries a body as its data.</summary>
    public static byte[] Frame(ReadOnlySpan<byte> body) => [.. "event: message\ndata: "u8, .. body, .. "\nid: abcdefghij\n\n"u8];

    private static byte[] Chunk(byte[] bytes) => [.. Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{bytes.Length:x}\r\n")), .. bytes, .. "\r\n"u8];

    private static void Publish(Socket publisher, byte[] first, List<Socket> clients)
    {
        using var socket = publisher;
        var request = new byte[LargestRequest];
        first.CopyTo(request, 0);
        for (var length = first.Length; length > 0; length = socket.Receive(request))
        {
            int body;
            while ((body = request.AsSpan(0, length).IndexOf("\r\n\r\n"u8)) < 0 || !IsWhole(request.AsSpan(0, length), body))
            {
                var read = socket.Receive(request, length, request.Length - length, SocketFlags.None);
                if (read == 0)
                {
                    return;
                }

                length += read;
            }

            SendToAll(clients, Chunk(Frame(request.AsSpan((body + 4)..length))));
            socket.Send("HTTP/1.1 204 No Content\r\n\r\n"u8);
        }
    }

    // The bench's own publisher writes this field last, and nobody else publishes here.
    private static bool IsWhole(ReadOnlySpan<byte> request, int body)
    {
        var field = request.LastIndexOf("Content-Length: "u8) + "Content-Length: ".Length;
        return request.Length >= body + 4 + int.Parse(request[field..body], CultureInfo.InvariantCulture);
    }

    private static void SendToAll(List<Socket> clients, byte[] frame)
    {
        lock (clients)
        {
            foreach (var client in clients)
            {
                client.Send(frame, SocketFlags.None, out _);
            }
        }
    }
}
