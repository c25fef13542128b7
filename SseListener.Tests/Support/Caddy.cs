using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace SseListener.Tests.Support;

/// <summary>The real Caddy with the configuration of <c>SseListener/Deploy</c> and a certificate of its own making.</summary>
internal sealed class Caddy : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly BuiltProgram _program;
    private readonly int _port;

    private Caddy(string path, int port, int serverPort)
    {
        _port = port;
        var site = Deployed.Read("Caddyfile", ("127.0.0.1:3000", $"127.0.0.1:{serverPort}"));

        // In front of it, what Caddy needs to stay on this machine and beside others of its kind.
        File.WriteAllText(Path.Combine(_folder.Path, "Caddyfile"), $$"""
            {
                admin off
                https_port {{port}}
                default_bind 127.0.0.1
                auto_https disable_redirects
                local_certs
                skip_install_trust
            }

            {{site}}
            """);
        _program = BuiltProgram.Execute(path, "run --config Caddyfile", _folder.Path, ("XDG_DATA_HOME", _folder.Path), ("XDG_CONFIG_HOME", _folder.Path));
    }

    private bool IsRunning => _program.Errors.Contains("certificate obtained successfully", StringComparison.Ordinal);

    /// <summary>Starts it in front of a server on this machine and waits until it listens.</summary>
    public static async Task<Caddy> StartAsync(int serverPort)
    {
        var path = OtherPrograms.Caddy();
        while (true)
        {
            var caddy = new Caddy(path, TestServer.FreePort(), serverPort);
            await Wait.UntilAsync(() => caddy.IsRunning || caddy._program.HasEnded, "Caddy neither listens nor ends").OrDisposeAsync(caddy);
            if (caddy.IsRunning)
            {
                // It has the certificate a moment before it presents it.
                await Wait.UntilAsync(caddy.PresentsCertificateAsync, "Caddy presents no certificate").OrDisposeAsync(caddy);
                return caddy;
            }

            Assert.That(caddy._program.Errors, Does.Contain("in use"));
            caddy.Dispose();
        }
    }

    /// <summary>A client that speaks HTTP/2 over TLS and takes compressed answers.</summary>
    /// <param name="from">Its own address.</param>
    public HttpClient Connect(string from = "127.0.0.1")
    {
        var file = Path.Combine(_folder.Path, "caddy", "certificates", "local", "sse.example.com", "sse.example.com.crt");
        using var certificate = X509Certificate2.CreateFromPem(File.ReadAllText(file));
        return Site.Connect(_port, certificate.RawData, from: from);
    }

    private async Task<bool> PresentsCertificateAsync()
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync("127.0.0.1", _port);
        await using var tls = new SslStream(new NetworkStream(socket));
        try
        {
            var options = new SslClientAuthenticationOptions { TargetHost = new Uri(Site.Origin).Host, RemoteCertificateValidationCallback = (_, presented, _, _) => presented is not null };
            await tls.AuthenticateAsClientAsync(options);
            return true;
        }
        catch (Exception e) when (e is AuthenticationException or IOException)
        {
            return false;
        }
    }

    public void Dispose()
    {
        _program.Dispose();
        _folder.Dispose();
    }
}
