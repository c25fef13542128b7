namespace SseListener.Delivery;

/// <summary>
/// Finds out that a client has left. A read of no bytes completes when the connection has ended or something has arrived; until then
/// it holds no buffer.
/// </summary>
internal static class Departure
{
    // Bytes that a client may send behind its request, for no reason; browsers send none.
    private const int MostReceived = 8 * 1024;

    // All watches write to it, and nothing reads it.
    private static readonly byte[] _nowhere = new byte[1024];

    /// <summary>Ends the client when it leaves, or when it sends too much; what it sends is thrown away.</summary>
    public static async Task WatchAsync(Socket socket, Client client)
    {
        try
        {
            for (var received = 0; received <= MostReceived;)
            {
                await socket.ReceiveAsync(Memory<byte>.Empty);
                var count = socket.Receive(_nowhere, SocketFlags.None, out var error);
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
}
