namespace SseListener.Tests.Support;

/// <summary>The real Caddy, which compresses whatever its clients accept compressed.</summary>
internal sealed class Caddy : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly BuiltProgram _program;

    private Caddy(string path, int port, int serverPort)
    {
        Port = port;
        File.WriteAllText(Path.Combine(_folder.Path, "Caddyfile"), $$"""
            {
                admin off
            }

            http://127.0.0.1:{{port}} {
                encode gzip
                reverse_proxy 127.0.0.1:{{serverPort}}
            }
            """);
        _program = BuiltProgram.Execute(path, "run --config Caddyfile", _folder.Path, ("XDG_DATA_HOME", _folder.Path), ("XDG_CONFIG_HOME", _folder.Path));
    }

    /// <summary>Where it listens.</summary>
    public int Port { get; }

    /// <summary>Starts it in front of a server on this machine and waits until it listens.</summary>
    public static async Task<Caddy> StartAsync(int serverPort)
    {
        var path = OtherPrograms.Caddy();
        while (true)
        {
            var caddy = new Caddy(path, TestServer.FreePort(), serverPort);
            await caddy._program.LogsAsync("serving initial configuration", "in use");
            if (caddy._program.Errors.Contains("serving initial configuration", StringComparison.Ordinal))
            {
                return caddy;
            }

            caddy.Dispose();
        }
    }

    public void Dispose()
    {
        _program.Dispose();
        _folder.Dispose();
    }
}
