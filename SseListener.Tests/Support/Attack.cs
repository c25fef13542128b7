using System.Net;
using System.Net.Sockets;
using System.Text;

namespace SseListener.Tests.Support;

/// <summary>
/// What a stranger does: so many connections, each of which sends a text and then does one of a few things, again and again until the
/// attack is over.
/// </summary>
/// <param name="Name">What it is called in a list of tests.</param>
/// <param name="Connections">How many there are at a time.</param>
/// <param name="Request">What the connection with this number sends; <c>{port}</c> in it is the server's port.</param>
/// <param name="Then">What it does next.</param>
internal sealed record Attack(string Name, int Connections, Func<int, string> Request, Then Then)
{
    // Between two connections of the same kind, so that the attacker does not merely take the server's processors.
    private static readonly TimeSpan _pause = TimeSpan.FromMilliseconds(20);

    /// <summary>An attack all of whose connections send the same.</summary>
    public Attack(string name, int connections, string request, Then then)
        : this(name, connections, _ => request, then)
    {
    }

    /// <summary>Attacks until it is cancelled.</summary>
    /// <param name="port">The server's port.</param>
    /// <param name="isOver">Ends it.</param>
    public Task RunAsync(int port, CancellationToken isOver) =>
        Task.WhenAll(Enumerable.Range(0, Connections).Select(number => Task.Run(() => RepeatAsync(port, number, isOver), CancellationToken.None)));

    public override string ToString() => Name;

    private async Task RepeatAsync(int port, int number, CancellationToken isOver)
    {
        for (var round = number; !isOver.IsCancellationRequested; round += Connections)
        {
            try
            {
                var text = Request(round).Replace("{port}", $"{port}", StringComparison.Ordinal);
                await OnceAsync(port, Encoding.Latin1.GetBytes(text), isOver);
            }
            catch (Exception e) when (e is SocketException or OperationCanceledException)
            {
                // The server has closed the connection, or it is over.
            }

            // Without it, the attack of one that is soon cut would take all of the processors that those who must not notice need as well.
            await Task.Delay(_pause, CancellationToken.None);
        }
    }

    private async Task OnceAsync(int port, byte[] bytes, CancellationToken isOver)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveBufferSize = 4096 };
        await socket.ConnectAsync(IPAddress.Loopback, port, isOver);
        await SendAsync(socket, bytes, isOver);
        switch (Then)
        {
            case Then.SendsOn:
                await SendOnAsync(socket, bytes, isOver);
                break;
            case Then.Trickles:
                await TrickleAsync(socket, isOver);
                break;
            case Then.Stalls:
                await Task.Delay(Timeout.Infinite, isOver);
                break;
            case Then.Reads:
                await ReadToEndAsync(socket, isOver);
                break;
            case Then.Resets:
                await ReceiveAsync(socket, isOver);
                socket.LingerState = new LingerOption(enable: true, seconds: 0);
                break;
            default:
                await ReceiveAsync(socket, isOver);
                break;
        }
    }

    private static async Task SendAsync(Socket socket, ReadOnlyMemory<byte> bytes, CancellationToken isOver)
    {
        while (!bytes.IsEmpty)
            bytes = bytes[await socket.SendAsync(bytes, isOver)..];
    }

    // The last line of the request again and again.
    private static async Task SendOnAsync(Socket socket, byte[] bytes, CancellationToken isOver)
    {
        var line = bytes.AsSpan()[..^1].LastIndexOf((byte)'\n') + 1;
        var lines = Encoding.Latin1.GetString(bytes.AsSpan(line));
        var part = Encoding.Latin1.GetBytes(string.Concat(Enumerable.Repeat(lines, 1 + (16 * 1024 / lines.Length))));
        while (true)
        {
            await SendAsync(socket, part, isOver);
            await Task.Delay(TimeSpan.FromMilliseconds(1), isOver);
        }
    }

    private static async Task TrickleAsync(Socket socket, CancellationToken isOver)
    {
        while (true)
        {
            await SendAsync(socket, "x"u8.ToArray(), isOver);
            await Task.Delay(5 * _pause, isOver);
        }
    }

    private static Task<int> ReceiveAsync(Socket socket, CancellationToken isOver) => socket.ReceiveAsync(new byte[4096], isOver).AsTask();

    private static async Task ReadToEndAsync(Socket socket, CancellationToken isOver)
    {
        while (await ReceiveAsync(socket, isOver) > 0)
        {
            // It says nothing that matters.
        }
    }
}

/// <summary>What a stranger's connection does when it has sent its request.</summary>
internal enum Then
{
    /// <summary>Reads a little, and closes.</summary>
    Closes,

    /// <summary>Reads a little, and resets the connection.</summary>
    Resets,

    /// <summary>Reads whatever comes.</summary>
    Reads,

    /// <summary>Neither reads nor sends.</summary>
    Stalls,

    /// <summary>Sends a byte ten times a second.</summary>
    Trickles,

    /// <summary>Sends the last line of its request again and again.</summary>
    SendsOn,
}
