using System.Security.Cryptography;
using SseListener.Access;
using SseListener.Journal;
using SseListener.Listener;

namespace SseListener.Http;

/// <summary>
/// The files under <c>public/</c>, read anew for each request so that an edit shows on reload. Nothing outside of it is
/// served, no dot-file, nothing that a symbolic link leads to, and no FIFO or device. Without a root it is the pages within the program.
/// The description of the API is always the program's own.
/// </summary>
internal sealed class StaticFiles(string? root, Responses responses)
{
    private const string Folder = "public";

    // A page may load only from here. Script within a page does not run, which also holds for data that became script (CSP Level 3).
    private const string Policy = "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        + "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

    /// <summary>
    /// Finds the folder to serve: the one asked for, or <c>public</c> in the working directory, where an edit shows on reload.
    /// Without either it is null, for the pages within the program.
    /// </summary>
    public static bool TryFindFolder(string? asked, out string? folder, [NotNullWhen(false)] out string? problem)
    {
        folder = Directory.Exists(asked ?? Folder) ? Path.GetFullPath(asked ?? Folder) : null;
        problem = asked is not null && folder is null ? $"The folder of the pages is missing: {Path.GetFullPath(asked)}." : null;
        return problem is null;
    }

    public async Task<Refusal?> ServeAsync(Exchange exchange)
    {
        var page = TryOpen(exchange.Target.Path);
        await using var content = page?.Content;
        if (page is null)
            return Refusal.Of(404, "There is nothing here. The page is at /, the events at /events.");

        if (exchange.Request.HttpMethod is not ("GET" or "HEAD"))
            return Refusal.OfMethod("GET, HEAD");

        await SendAsync(exchange, page);
        return null;
    }

    /// <summary>
    /// Sends openapi.json. It is application/json: the type of its own, application/openapi+json, is a draft that few tools know.
    /// </summary>
    public async Task<Refusal?> DescribeAsync(Exchange exchange)
    {
        var page = TryOpenBuiltIn("openapi.json")!;
        await using var content = page.Content;
        await SendAsync(exchange, page);
        return null;
    }

    private Page? TryOpen(string path)
    {
        var steps = (path.EndsWith('/') ? path + "index.html" : path).Split('/');
        return steps is not ["", _, ..] || steps.Skip(1).Any(IsForbidden) ? null
            : root is null ? TryOpenBuiltIn(string.Join('/', [Folder, .. steps[1..]]))
            : TryOpenFile(root, steps[1..]);
    }

    private static bool IsForbidden(string step) => step.Length == 0 || step[0] == '.' || step.AsSpan().ContainsAny('\\', '\0', ':');

    // A built-in page changes with the program only, and has no time: its tag is its hash.
    private static Page? TryOpenBuiltIn(string name)
    {
        if (typeof(StaticFiles).Assembly.GetManifestResourceStream(name) is not { } content)
            return null;

        var hash = SHA256.HashData(content);
        content.Position = 0;
        return new Page(content, Path.GetExtension(name), $"\"{Convert.ToHexStringLower(hash.AsSpan(0, 8))}\"");
    }

    [SuppressMessage("Reliability", "CA2000:Dispose objects before losing scope", Justification = "The page owns it.")]
    private static Page? TryOpenFile(string root, string[] steps)
    {
        try
        {
            // Every step of the path is checked, because a link in the middle leads out just as one at the end does.
            var files = steps.Select((_, last) => new FileInfo(Path.Combine([root, .. steps[..(last + 1)]]))).ToList();
            return files.TrueForAll(file => file.LinkTarget is null) && Disk.TryOpenRegular(files[^1].FullName) is { } content
                ? new Page(content, files[^1].Extension, $"\"{files[^1].LastWriteTimeUtc.Ticks:x}-{content.Length:x}\"")
                : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The server may not read it, and its clients need not know that it is there.
            return null;
        }
    }

    private async Task SendAsync(Exchange exchange, Page page)
    {
        var (content, response) = (page.Content, exchange.Response);
        response.ContentType = TypeOf(page.Extension.TrimStart('.').ToLowerInvariant());
        response.Headers["ETag"] = page.Tag;
        response.Headers["Cache-Control"] = "no-cache";
        response.Headers["X-Content-Type-Options"] = "nosniff";
        response.Headers["Referrer-Policy"] = "no-referrer";
        response.Headers["Content-Security-Policy"] = Policy;
        response.ContentLength64 = content.Length;
        var isKnown = Matches(exchange.Request.Headers["If-None-Match"], page.Tag);
        response.StatusCode = (int)(isKnown ? HttpStatusCode.NotModified : HttpStatusCode.OK);
        await (isKnown || exchange.Request.HttpMethod == "HEAD" || content.Length == 0
            ? responses.SendAsync(exchange, default)
            : CopyAsync(exchange, content));
    }

    // Never more than was announced, also when the file grows meanwhile; when it shrinks, the connection is cut short.
    private async Task CopyAsync(Exchange exchange, Stream content)
    {
        exchange.Response.KeepAlive &= exchange.BodyIsRead;
        var part = new byte[Responses.PartSize];
        for (var left = exchange.Response.ContentLength64; left > 0;)
        {
            var read = await content.ReadAsync(part.AsMemory(0, (int)Math.Min(left, Responses.PartSize)));
            if (read == 0)
            {
                exchange.Response.Abort();
                return;
            }

            await responses.WriteAsync(exchange, part.AsMemory(0, read));
            left -= read;
        }

        await Responses.CloseAsync(exchange);
    }

    private static string TypeOf(string extension) => extension switch
    {
        "html" or "css" or "csv" => $"text/{extension}; charset=utf-8",
        "htm" => "text/html; charset=utf-8",
        "js" or "mjs" => "text/javascript; charset=utf-8",
        "txt" => "text/plain; charset=utf-8",
        "md" => "text/markdown; charset=utf-8",
        "json" or "xml" or "wasm" or "pdf" => $"application/{extension}",
        "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "png" or "jpeg" or "gif" or "webp" or "avif" => $"image/{extension}",
        "jpg" => "image/jpeg",
        "svg" => "image/svg+xml",
        "ico" => "image/vnd.microsoft.icon",
        "woff" or "woff2" => $"font/{extension}",
        "mp3" => "audio/mpeg",
        "mp4" or "webm" => $"video/{extension}",
        _ => "application/octet-stream",
    };

    // RFC 9110, section 13.1.2: weak comparison, a list, or * for any.
    private static bool Matches(string? ifNoneMatch, string tag) =>
        (ifNoneMatch ?? "").Split(',', StringSplitOptions.TrimEntries)
            .Any(candidate => candidate == "*" || candidate == tag || candidate == "W/" + tag);

    private sealed record Page(Stream Content, string Extension, string Tag);
}
