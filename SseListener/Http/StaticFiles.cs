using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using SseListener.Listener;

namespace SseListener.Http;

/// <summary>
/// The files under <c>public/</c>, read anew for each request so that an edit shows on reload. Nothing outside of it is
/// served, no dot-file, nothing that a symbolic link leads to, and no FIFO or device. Without a folder, those within the program.
/// </summary>
internal sealed class StaticFiles(string? root, Responses responses)
{
    private const int PartSize = 64 * 1024;

    // A page may load from here, and nothing else; script that is written in it, or got into it as data, does not run (CSP Level 3).
    private const string Policy = "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        + "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

    private static readonly Dictionary<string, string> _types = new(StringComparer.OrdinalIgnoreCase)
    {
        [".html"] = "text/html; charset=utf-8",
        [".htm"] = "text/html; charset=utf-8",
        [".css"] = "text/css; charset=utf-8",
        [".js"] = "text/javascript; charset=utf-8",
        [".mjs"] = "text/javascript; charset=utf-8",
        [".json"] = "application/json",
        [".map"] = "application/json",
        [".webmanifest"] = "application/manifest+json",
        [".txt"] = "text/plain; charset=utf-8",
        [".md"] = "text/markdown; charset=utf-8",
        [".csv"] = "text/csv; charset=utf-8",
        [".xml"] = "application/xml",
        [".svg"] = "image/svg+xml",
        [".png"] = "image/png",
        [".jpg"] = "image/jpeg",
        [".jpeg"] = "image/jpeg",
        [".gif"] = "image/gif",
        [".webp"] = "image/webp",
        [".avif"] = "image/avif",
        [".ico"] = "image/vnd.microsoft.icon",
        [".woff"] = "font/woff",
        [".woff2"] = "font/woff2",
        [".wasm"] = "application/wasm",
        [".pdf"] = "application/pdf",
        [".mp3"] = "audio/mpeg",
        [".mp4"] = "video/mp4",
        [".webm"] = "video/webm",
    };

    /// <summary>Answers GET and HEAD with a file, and everything else with 404 or 405.</summary>
    public async Task ServeAsync(Exchange exchange)
    {
        await using var page = TryOpen(exchange.Target.Path);
        if (page is null)
        {
            await responses.NotFoundAsync(exchange);
        }
        else if (exchange.Request.HttpMethod is not ("GET" or "HEAD"))
        {
            await responses.MethodNotAllowedAsync(exchange, "GET, HEAD");
        }
        else
        {
            await SendAsync(exchange, page);
        }
    }

    private Page? TryOpen(string path)
    {
        var steps = (path.EndsWith('/') ? path + "index.html" : path).Split('/');
        return steps[0].Length > 0 || steps.Skip(1).Any(IsForbidden) ? null
            : root is null ? TryOpenBuiltIn(steps[1..])
            : Find(root, steps[1..]) is { } file ? TryOpen(file)
            : null;
    }

    // It changes with the program only, and has no time of its own: its tag is its hash.
    private static Page? TryOpenBuiltIn(string[] steps)
    {
        if (Pages.TryOpenBuiltIn(string.Join('/', steps)) is not { } content)
        {
            return null;
        }

        var hash = SHA256.HashData(content);
        content.Position = 0;
        return new Page(content, Path.GetExtension(steps[^1]), $"\"{Convert.ToHexStringLower(hash.AsSpan(0, 8))}\"");
    }

    // Every step of the path is looked at, because a link in the middle leads out just as one at the end does.
    private static FileInfo? Find(string place, string[] steps)
    {
        foreach (var step in steps)
        {
            place = Path.Combine(place, step);
            if (new FileInfo(place).LinkTarget is not null)
            {
                return null;
            }
        }

        var file = new FileInfo(place);
        return file.Exists ? file : null;
    }

    private static bool IsForbidden(string step) => step.Length == 0 || step[0] == '.' || step.AsSpan().ContainsAny('\\', '\0', ':');

    [SuppressMessage("Reliability", "CA2000:Dispose objects before losing scope", Justification = "The page owns it.")]
    private static Page? TryOpen(FileInfo file)
    {
        try
        {
            return RegularFile.TryOpen(file.FullName, out var content)
                ? new Page(content, file.Extension, string.Create(CultureInfo.InvariantCulture, $"\"{file.LastWriteTimeUtc.Ticks:x}-{content.Length:x}\""))
                : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It is there, but not for us: that is nobody else's business.
            return null;
        }
    }

    private async Task SendAsync(Exchange exchange, Page page)
    {
        var (content, tag) = (page.Content, page.Tag);
        var response = exchange.Response;
        response.StatusCode = (int)HttpStatusCode.OK;
        response.ContentType = _types.GetValueOrDefault(page.Extension, "application/octet-stream");
        response.Headers["ETag"] = tag;
        response.Headers["Cache-Control"] = "no-cache";
        response.Headers["X-Content-Type-Options"] = "nosniff";
        response.Headers["Referrer-Policy"] = "no-referrer";
        response.Headers["Content-Security-Policy"] = Policy;
        response.ContentLength64 = content.Length;
        if (Matches(exchange.Request.Headers["If-None-Match"], tag))
        {
            response.StatusCode = (int)HttpStatusCode.NotModified;
            await responses.SendAsync(exchange, []);
        }
        else if (exchange.Request.HttpMethod == "HEAD" || content.Length == 0)
        {
            await responses.SendAsync(exchange, []);
        }
        else
        {
            await CopyAsync(exchange, content);
        }
    }

    // Never more than was announced, also when the file grows meanwhile; when it shrinks, the connection is cut short.
    private async Task CopyAsync(Exchange exchange, Stream content)
    {
        exchange.Response.KeepAlive &= exchange.BodyIsRead;
        var part = new byte[PartSize];
        for (var left = exchange.Response.ContentLength64; left > 0;)
        {
            var read = await content.ReadAsync(part.AsMemory(0, (int)Math.Min(left, PartSize)));
            if (read == 0)
            {
                exchange.Response.Abort();
                return;
            }

            await responses.WriteAsync(exchange, new ArraySegment<byte>(part, 0, read));
            left -= read;
        }

        await Responses.CloseAsync(exchange);
    }

    // RFC 9110, section 13.1.2: weak comparison, a list, or * for any.
    private static bool Matches(string? ifNoneMatch, string tag) => ifNoneMatch is not null
        && ifNoneMatch.Split(',', StringSplitOptions.TrimEntries).Any(candidate => candidate == "*" || candidate == tag || candidate == "W/" + tag);

    private sealed record Page(Stream Content, string Extension, string Tag) : IAsyncDisposable
    {
        public ValueTask DisposeAsync() => Content.DisposeAsync();
    }
}
