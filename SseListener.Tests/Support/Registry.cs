using System.Formats.Tar;
using System.Globalization;
using System.IO.Compression;
using System.Net;
using System.Security.Cryptography;
using System.Text;

namespace SseListener.Tests.Support;

/// <summary>A registry of container images with a single image, which has next to nothing in it (OCI Distribution Specification, "Pull").</summary>
internal sealed class Registry : IDisposable
{
    private const string ManifestType = "application/vnd.docker.distribution.manifest.v2+json";

    private readonly HttpListener _listener = new();
    private readonly Dictionary<string, byte[]> _blobs = [];
    private readonly string _manifest;

    public Registry()
    {
        var layer = Layer();
        var config = Keep(Encoding.UTF8.GetBytes($$$"""
            {"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":["{{{Digest(layer)}}}"]}}
            """));
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            gzip.Write(layer);
        }

        var compressed = Keep(packed.ToArray());
        _manifest = Keep(Encoding.UTF8.GetBytes($$"""
            {"schemaVersion":2,"mediaType":"{{ManifestType}}",
             "config":{"mediaType":"application/vnd.docker.container.image.v1+json","size":{{_blobs[config].Length}},"digest":"{{config}}"},
             "layers":[{"mediaType":"application/vnd.docker.image.rootfs.diff.tar.gzip","size":{{_blobs[compressed].Length}},"digest":"{{compressed}}"}]}
            """));
        var port = TestServer.FreePort();
        Host = string.Create(CultureInfo.InvariantCulture, $"localhost:{port}");
        _listener.Prefixes.Add($"http://{Host}/");
        _listener.Start();
        _ = Serving.RunAsync(_listener, Answer);
    }

    /// <summary>Its host and port, as an image's name begins.</summary>
    public string Host { get; }

    public void Dispose() => _listener.Close();

    // GET /v2/, /v2/NAME/manifests/REFERENCE, /v2/NAME/blobs/DIGEST.
    private void Answer(HttpListenerContext context)
    {
        var path = context.Request.Url!.AbsolutePath;
        var reference = path.Split('/')[^1];
        var digest = reference.StartsWith("sha256:", StringComparison.Ordinal) ? reference : _manifest;
        var body = path == "/v2/" ? [] : _blobs[digest];
        context.Response.ContentType = path.Contains("/manifests/", StringComparison.Ordinal) ? ManifestType : "application/octet-stream";
        context.Response.Headers["Docker-Content-Digest"] = digest;
        context.Response.Close(body, willBlock: true);
    }

    private string Keep(byte[] blob)
    {
        var digest = Digest(blob);
        _blobs[digest] = blob;
        return digest;
    }

    private static string Digest(byte[] bytes) => $"sha256:{Convert.ToHexStringLower(SHA256.HashData(bytes))}";

    private static byte[] Layer()
    {
        using var bytes = new MemoryStream();
        using (var tar = new TarWriter(bytes, leaveOpen: true))
        {
            tar.WriteEntry(new PaxTarEntry(TarEntryType.Directory, "base/"));
        }

        return bytes.ToArray();
    }
}
