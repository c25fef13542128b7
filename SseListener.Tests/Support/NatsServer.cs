using System.Globalization;
using System.Net.Sockets;
using NATS.Client.Core;
using NATS.Client.JetStream;

namespace SseListener.Tests.Support;

/// <summary>The real nats-server with JetStream, in a process and a folder of its own.</summary>
internal sealed class NatsServer : IDisposable
{
    private readonly string _path = OtherPrograms.NatsServer();
    private readonly TempFolder _folder = new();
    private readonly int _port = TestServer.FreePort();
    private readonly string _arguments;
    private BuiltProgram _program;

    private NatsServer(string arguments)
    {
        _arguments = arguments;
        _program = Run();
    }

    public string Address => string.Create(CultureInfo.InvariantCulture, $"nats://127.0.0.1:{_port}");

    public string Folder => _folder.Path;

    /// <summary>Starts one that stands alone, and waits until it listens.</summary>
    /// <param name="arguments">More arguments.</param>
    public static async Task<NatsServer> StartAsync(string arguments = "")
    {
        var server = new NatsServer(arguments);
        await server.ListenAsync().OrDisposeAsync(server);
        return server;
    }

    /// <summary>Starts three that are one cluster.</summary>
    public static async Task<NatsServer[]> StartThreeAsync()
    {
        int[] ports = [TestServer.FreePort(), TestServer.FreePort(), TestServer.FreePort()];
        var routes = string.Join(',', ports.Select(port => string.Create(CultureInfo.InvariantCulture, $"nats://127.0.0.1:{port}")));
        NatsServer[] servers = [.. ports.Select((port, index) => new NatsServer(string.Create(
            CultureInfo.InvariantCulture, $"--cluster_name test --cluster nats://127.0.0.1:{port} --routes {routes} -n node{index}")))];
        foreach (var server in servers)
            await server.ListenAsync().OrDisposeAsync(servers);

        return servers;
    }

    /// <summary>Ends it at once, as a crash would.</summary>
    public async Task KillAsync()
    {
        _program.Signal("KILL");
        await _program.EndAsync();
        _program.Dispose();
    }

    /// <summary>Starts it again, with what it has stored.</summary>
    public async Task StartAgainAsync()
    {
        _program = Run();
        await ListenAsync();
    }

    /// <summary>Sends it a signal: STOP to pause it, CONT to go on.</summary>
    public void Signal(string name) => _program.Signal(name);

    /// <summary>Does something to its streams.</summary>
    public async Task ManageAsync(Func<NatsJSContext, Task> act)
    {
        await using var connection = new NatsConnection(new NatsOpts { Url = Address });
        await act(new NatsJSContext(connection));
    }

    public void Dispose()
    {
        _program.Dispose();
        _folder.Dispose();
    }

    private BuiltProgram Run() => BuiltProgram.Execute(
        _path, string.Create(CultureInfo.InvariantCulture, $"-js -sd {_folder.Path} -a 127.0.0.1 -p {_port} {_arguments}"), _folder.Path);

    private Task ListenAsync() => Wait.UntilAsync(
        async () =>
        {
            using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            try
            {
                await socket.ConnectAsync("127.0.0.1", _port);
                return true;
            }
            catch (SocketException)
            {
                Assert.That(_program.HasEnded, Is.False, _program.Errors);
                return false;
            }
        },
        "nats-server does not listen");
}
