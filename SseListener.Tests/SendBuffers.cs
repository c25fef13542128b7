using System.Net;
using System.Net.Sockets;
using System.Text;
using SseListener.Http;
using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>What the kernel holds for those who read slowly or not at all, and that a slow reader is no stalled one.</summary>
[Platform("Linux")]
[NonParallelizable]
public sealed class SendBuffers
{
    // SO_MEMINFO of asm-generic/socket.h, and the place of SK_MEMINFO_WMEM_QUEUED in it: bytes, with what the kernel needs to keep them.
    private const int SocketLevel = 1;
    private const int MemoryInfo = 55;
    private const int Queued = 5;

    private const int Events = 40;
    private const int MostHeld = 1024 * 1024;
    private static readonly string _big = new('x', 500_000);

    [Test]
    public async Task For_a_client_that_does_not_read_the_kernel_holds_little()
    {
        await using var server = TestServer.Start(o => o with { PresenceLimit = 0 });
        using var stalled = await StalledClient.OpenAsync(server.Port);
        await ExpectLittleIsHeldAsync(server, async () => await PublishAsync(server));
    }

    [Test]
    public async Task For_the_reader_of_a_page_it_holds_as_little()
    {
        await using var server = TestServer.Start();
        await File.WriteAllTextAsync(Path.Combine(server.Pages, "big.txt"), new string('x', 20_000_000));
        using var stalled = new RawRequest(server.Port, receiveBuffer: 1024);
        await stalled.SendAsync(RawRequest.Head(server.Port, "GET /big.txt"));
        await stalled.ReadUntilAsync("HTTP/1.1 200 ");
        await ExpectLittleIsHeldAsync(server, () => Task.CompletedTask);
    }

    // With the default the kernel tells of room in time; with a large buffer it takes longer than the timeout until it does.
    [TestCase(256 * 1024)]
    [TestCase(64 * 1024 * 1024)]
    public async Task A_client_that_reads_slowly_but_steadily_is_not_cut(int sendBuffer)
    {
        const int Piece = 16 * 1024;
        await using var server = TestServer.Start(o => o with { PresenceLimit = 0, WriteTimeout = TimeSpan.FromSeconds(1), SendBuffer = sendBuffer });
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveBufferSize = 2 * Piece };
        await socket.ConnectAsync(IPAddress.Loopback, server.Port);
        await socket.SendAsync(Encoding.ASCII.GetBytes(RawRequest.Head(server.Port, "GET /events")));
        await Wait.UntilAsync(() => server.Server.Clients.Count == 1, "it is not there");
        var publishing = PublishAsync(server);
        var piece = new byte[Piece];
        for (var pieces = 0; pieces < 120; pieces++)
        {
            Assert.That(await socket.ReceiveAsync(piece), Is.Positive, "it was cut");
            await Task.Delay(TimeSpan.FromMilliseconds(30));
        }

        Assert.That(server.Server.Clients, Has.Count.EqualTo(1));
        await publishing;
    }

    // What is queued first grows while the lane sends, and then stays.
    private static async Task ExpectLittleIsHeldAsync(TestServer server, Func<Task> publish)
    {
        var socket = server.Accepted().Single();
        await publish();
        var before = 0;
        await Wait.UntilAsync(() => HeldFor(socket) is var held && held >= new ServerOptions().SendBuffer && Interlocked.Exchange(ref before, held) == held, "nothing is held");
        Assert.That(HeldFor(socket), Is.LessThan(MostHeld));
    }

    private static int HeldFor(Socket socket)
    {
        Span<byte> info = stackalloc byte[9 * sizeof(int)];
        socket.GetRawSocketOption(SocketLevel, MemoryInfo, info);
        return BitConverter.ToInt32(info[(Queued * sizeof(int))..]);
    }

    private static async Task PublishAsync(TestServer server)
    {
        for (var i = 0; i < Events; i++)
            await server.PublishAsync($$"""{"data":"{{_big}}"}""");
    }
}
