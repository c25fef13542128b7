using SseListener.Tests.Support;

namespace SseListener.Tests;

/// <summary>What .NET's HttpClient makes of the end of a stream.</summary>
public sealed class HttpClients
{
    [Test]
    public async Task A_stream_that_the_server_ends_is_a_whole_response([ValueSource(typeof(IntendedEnds), nameof(IntendedEnds.All))] string end)
    {
        await using var server = TestServer.Start(o => o.EndingBy(end));
        await using var stream = await server.SubscribeAsync(IntendedEnds.Query(end));
        await server.EndStreamAsync(end);
        Assert.That(await stream.ReadToEndAsync(), Is.Empty);
    }

    [Test]
    public async Task A_client_that_is_cut_off_in_the_middle_sees_that()
    {
        var (program, port) = await BuiltProgram.ListenAsync();
        using var running = program;
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}"), Timeout = Wait.Limit };
        await using var stream = await EventStream.OpenAsync(http, "/events");
        program.Signal("KILL");
        Assert.That(stream.ReadToEndAsync, Throws.InstanceOf<IOException>());
    }
}
