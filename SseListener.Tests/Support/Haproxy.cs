using System.Net.Sockets;

namespace SseListener.Tests.Support;

/// <summary>The real HAProxy with the configuration of <c>SseListener/Deploy</c>.</summary>
internal sealed class Haproxy : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly byte[] _certificate;
    private readonly BuiltProgram _program;

    private Haproxy(string path, int port, int serverPort, string silence)
    {
        Port = port;
        _certificate = Site.WriteCertificate(_folder.Path);
        var (both, file) = (Path.Combine(_folder.Path, "both.pem"), Path.Combine(_folder.Path, "haproxy.cfg"));
        File.WriteAllText(both, string.Concat(((string[])["certificate.pem", "key.pem"]).Select(name => File.ReadAllText(Path.Combine(_folder.Path, name)) + "\n")));
        File.WriteAllText(file, Deployed.Read(
            "haproxy.cfg", ("bind :443 ", $"bind 127.0.0.1:{port} "), ("/etc/haproxy/sse.example.com.pem", both), ("client 1m", $"client {silence}"),
            ("server 1m", $"server {silence}"), ("answers 127.0.0.1:3000", $"answers 127.0.0.1:{serverPort}"), ("streams 127.0.0.1:3000", $"streams 127.0.0.1:{serverPort}")));
        _program = BuiltProgram.Execute(path, $"-db -f {file}", _folder.Path);
    }

    /// <summary>Where it listens, in place of 443.</summary>
    public int Port { get; }

    /// <summary>Starts it in front of a server on this machine and waits until it listens.</summary>
    /// <param name="serverPort">Where the server listens.</param>
    /// <param name="silence">How long a connection may be silent.</param>
    public static async Task<Haproxy> StartAsync(int serverPort, string silence = "1m")
    {
        var path = OtherPrograms.Haproxy();
        while (true)
        {
            var haproxy = new Haproxy(path, TestServer.FreePort(), serverPort, silence);
            await Wait.UntilAsync(async () => haproxy._program.HasEnded || await haproxy.ListensAsync(), "HAProxy neither listens nor ends")
                .OrDisposeAsync(haproxy);
            if (!haproxy._program.HasEnded)
                return haproxy;

            Assert.That(haproxy._program.Errors, Does.Contain("in use"));
            haproxy.Dispose();
        }
    }

    /// <summary>A client that speaks HTTP/2 over TLS.</summary>
    /// <param name="connected">Told of every TCP connection that it opens.</param>
    /// <param name="from">Its own address.</param>
    public HttpClient Connect(Action? connected = null, string from = "127.0.0.1") => Site.Connect(Port, _certificate, connected, from);

    public void Dispose()
    {
        _program.Dispose();
        _folder.Dispose();
    }

    private async Task<bool> ListensAsync()
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        try
        {
            await socket.ConnectAsync("127.0.0.1", Port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
