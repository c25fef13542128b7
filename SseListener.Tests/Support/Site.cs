using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Playwright;

namespace SseListener.Tests.Support;

/// <summary>The site that the configurations of <c>SseListener/Deploy</c> are for, behind a proxy on this machine.</summary>
internal static class Site
{
    /// <summary>Its origin.</summary>
    public const string Origin = "https://sse.example.com";

    /// <summary>
    /// A client that speaks HTTP/2 and nothing else, with one connection as a browser has. It decompresses what has arrived, without
    /// waiting for more.
    /// </summary>
    /// <param name="port">Where the proxy listens.</param>
    /// <param name="certificate">The proxy's certificate.</param>
    /// <param name="connected">Told of every TCP connection that it opens.</param>
    /// <param name="from">Its own address.</param>
    public static HttpClient Connect(int port, byte[] certificate, Action? connected = null, string from = "127.0.0.1")
    {
        var handler = new SocketsHttpHandler
        {
            AutomaticDecompression = DecompressionMethods.GZip,
            ConnectCallback = async (_, limit) =>
            {
                connected?.Invoke();
                var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                socket.Bind(new IPEndPoint(IPAddress.Parse(from), 0));
                await socket.ConnectAsync(IPAddress.Loopback, port, limit);
                return new NetworkStream(socket, ownsSocket: true);
            },
        };
        handler.SslOptions.RemoteCertificateValidationCallback =
            (_, presented, _, _) => presented?.GetRawCertData().AsSpan().SequenceEqual(certificate) == true;
        return new HttpClient(new OnlyHttp2(handler)) { BaseAddress = new Uri(Origin), Timeout = Wait.Limit };
    }

    /// <summary>A browser to which all sites of its domain are behind the proxy that listens there.</summary>
    public static async Task<IBrowser> BrowseAsync(IPlaywright playwright, int port) => await playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions
    {
        ExecutablePath = OtherPrograms.Browser(),
        Args = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", $"--host-resolver-rules=MAP *.example.com:443 127.0.0.1:{port}"],
    });

    /// <summary>Makes a certificate for it, as the files <c>certificate.pem</c> and <c>key.pem</c>, and returns its bytes.</summary>
    public static byte[] WriteCertificate(string folder)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var host = new Uri(Origin).Host;
        var request = new CertificateRequest($"CN={host}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(host);
        request.CertificateExtensions.Add(names.Build());
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        File.WriteAllText(Path.Combine(folder, "certificate.pem"), certificate.ExportCertificatePem());
        File.WriteAllText(Path.Combine(folder, "key.pem"), key.ExportPkcs8PrivateKeyPem());
        return certificate.RawData;
    }

    private sealed class OnlyHttp2(HttpMessageHandler inner) : DelegatingHandler(inner)
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            (request.Version, request.VersionPolicy) = (HttpVersion.Version20, HttpVersionPolicy.RequestVersionExact);
            return base.SendAsync(request, cancellationToken);
        }
    }
}
