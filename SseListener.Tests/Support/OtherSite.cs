using System.Globalization;

namespace SseListener.Tests.Support;

/// <summary>Another site than a hub's, on a port of its own: Python's web server, which serves what a test puts into its folder.</summary>
internal sealed class OtherSite : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly BuiltProgram _program;

    private OtherSite(int port)
    {
        Port = port;
        var arguments = string.Create(CultureInfo.InvariantCulture, $"-u -m http.server {port} --bind 127.0.0.1");
        _program = BuiltProgram.Execute(OtherPrograms.Python(), arguments, _folder.Path);
    }

    public int Port { get; }

    /// <summary>What a browser calls it.</summary>
    public string Origin => $"http://localhost:{Port}";

    /// <summary>Starts it, and waits until it listens.</summary>
    public static async Task<OtherSite> StartAsync()
    {
        var site = new OtherSite(TestServer.FreePort());
        await site._program.WritesAsync("Serving HTTP").OrDisposeAsync(site);
        return site;
    }

    /// <summary>Makes or changes a file of it.</summary>
    public void Write(string file, string text) => File.WriteAllText(Path.Combine(_folder.Path, file), text);

    public void Dispose()
    {
        _program.Dispose();
        _folder.Dispose();
    }
}
