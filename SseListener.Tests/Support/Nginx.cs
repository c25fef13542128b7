using System.Diagnostics;

namespace SseListener.Tests.Support;

/// <summary>The real nginx; by default with the configuration of <c>SseListener/Deploy</c>.</summary>
internal sealed class Nginx : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly Process _process;
    private readonly byte[] _certificate;

    private Nginx(string path, int port, Func<Nginx, string> configuration)
    {
        Port = port;
        _certificate = Site.WriteCertificate(_folder.Path);
        File.WriteAllText(In("nginx.conf"), Wrap(configuration(this)));
        _process = Process.Start(path, ["-p", _folder.Path, "-c", "nginx.conf", "-e", "error.log"]);
    }

    /// <summary>Where it listens, in place of 443.</summary>
    public int Port { get; }

    /// <summary>What it had to complain about.</summary>
    public string Errors => File.ReadAllText(In("error.log"));

    /// <summary>Its requests that have ended: the number of the connection, the protocol, the request, the status.</summary>
    public string[] Requests => File.ReadAllLines(In("access.log"));

    /// <summary>Starts it in front of a server on this machine and waits until it listens.</summary>
    public static Task<Nginx> StartAsync(int serverPort) =>
        StartAsync(nginx => nginx.Configuration("nginx.conf", ("127.0.0.1:3000", $"127.0.0.1:{serverPort}")));

    /// <summary>Starts it in front of two hubs on this machine and waits until it listens.</summary>
    public static Task<Nginx> StartAsync(int hub, int otherHub) => StartAsync(nginx =>
        nginx.Configuration("nginx-hubs.conf", ("hub1:3000", $"127.0.0.1:{hub}"), ("hub2:3000", $"127.0.0.1:{otherHub}")));

    /// <summary>Starts it in front of a server and an application with sessions, and waits until it listens.</summary>
    public static Task<Nginx> StartAsync(int serverPort, Application application) => StartAsync(nginx => nginx.Configuration(
        "nginx-sessions.conf", ("127.0.0.1:3000", $"127.0.0.1:{serverPort}"), ("127.0.0.1:8080", $"127.0.0.1:{application.Port}")));

    /// <summary>The same with a configuration that says where the server is and little else: HTTP/1.1 to clients, HTTP/1.0 to it.</summary>
    /// <param name="serverPort">The server's port.</param>
    /// <param name="directives">More of it.</param>
    public static Task<Nginx> StartWithDefaultsAsync(int serverPort, string directives = "") => StartAsync(nginx => $$"""
        server {
            listen 127.0.0.1:{{nginx.Port}};
            location / {
                proxy_pass http://127.0.0.1:{{serverPort}};
                {{directives}}
            }
        }
        """);

    private static async Task<Nginx> StartAsync(Func<Nginx, string> configuration)
    {
        var path = OtherPrograms.Nginx();
        while (true)
        {
            var nginx = new Nginx(path, TestServer.FreePort(), configuration);
            await Wait.UntilAsync(() => nginx._process.HasExited || File.Exists(nginx.In("nginx.pid")), "nginx neither listens nor ends")
                .OrDisposeAsync(nginx);
            if (!nginx._process.HasExited)
                return nginx;

            Assert.That(nginx.Errors, Does.Contain("in use"));
            nginx.Dispose();
        }
    }

    /// <summary>A client that speaks HTTP/2 over TLS.</summary>
    /// <param name="connected">Told of every TCP connection that it opens.</param>
    /// <param name="from">Its own address.</param>
    public HttpClient Connect(Action? connected = null, string from = "127.0.0.1") => Site.Connect(Port, _certificate, connected, from);

    /// <summary>A client that speaks HTTP/1.1 without TLS.</summary>
    public HttpClient ConnectPlainly() => new() { BaseAddress = new Uri($"http://127.0.0.1:{Port}"), Timeout = Wait.Limit };

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            _process.WaitForExit();
        }

        _process.Dispose();
        _folder.Dispose();
    }

    private string In(string file) => Path.Combine(_folder.Path, file);

    private string Configuration(string file, params (string, string)[] servers) => Deployed.Read(
        file,
        [
            ("listen 443 ", $"listen 127.0.0.1:{Port} "),
            ("/etc/ssl/sse.example.com.pem", In("certificate.pem")),
            ("/etc/ssl/sse.example.com.key", In("key.pem")),
            .. servers,
        ]);

    // Around it, what nginx needs to be one process that writes to one folder.
    private static string Wrap(string configuration) => $$"""
        daemon off;
        master_process off;
        pid nginx.pid;
        error_log error.log info;
        events { }
        http {
            log_format short '$connection $server_protocol "$request" $status';
            access_log access.log short;
            client_body_temp_path body;
            proxy_temp_path proxy;
            fastcgi_temp_path fastcgi;
            uwsgi_temp_path uwsgi;
            scgi_temp_path scgi;
            {{configuration}}
        }
        """;
}
