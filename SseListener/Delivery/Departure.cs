using System.Net.Sockets;

namespace SseListener.Delivery;

/// <summary>
/// Finds out that a client has left. A read of no bytes completes when there is something to read, and of a connection that has ended
/// that is its end; until then it holds no buffer.
/// </summary>
internal static class Departure
{
    // Of what is sent behind a request whose answer has no end; browsers send nothing.
    private const int MostReceived = 8 * 1024;

    /// <summary>
    /// Ends the client when it leaves. What it sends meanwhile is thrown away, and more than a little of that ends it too.
    /// </summary>
    /// <param name="socket">Its connection's socket, which does not block.</param>
    /// <param name="client">The client.</param>
    public static async Task WatchAsync(Socket socket, Client client)
    {
        try
        {
            for (var received = 0; received <= MostReceived;)
            {
                await socket.ReceiveAsync(Memory<byte>.Empty);
                var count = Receive(socket, out var error);
                if (count == 0 && error is not SocketError.WouldBlock)
                {
                    client.Leave(error);
                    return;
                }

                received += count;
            }

            client.End(EndReason.SentMore);
        }
        catch (SocketException e)
        {
            client.Leave(e.SocketErrorCode);
        }
        catch (ObjectDisposedException)
        {
            // The stream has ended in another way.
        }
    }

    private static int Receive(Socket socket, out SocketError error)
    {
        Span<byte> nowhere = stackalloc byte[1024];
        return socket.Receive(nowhere, SocketFlags.None, out error);
    }
}
