using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using SseListener.Cli;
using SseListener.Log;

namespace SseListener.Verbs;

/// <summary>What verbs that speak to a server share: how its address and a token are given, what a refusal says, how they fail.</summary>
internal static partial class Remote
{
    /// <summary>The exit code of a program that Ctrl+C has ended.</summary>
    public const int Interrupted = 130;

    public static Option<string?> TokenOption(string description) =>
        new("--token") { Description = $"{description} [SSE_TOKEN]", HelpName = "TOKEN" };

    /// <summary>How verbs reach a server. A proxy for what is elsewhere does not know this machine's localhost.</summary>
    public static SocketsHttpHandler HandlerFor(Uri url) => new() { UseProxy = !url.IsLoopback };

    /// <summary>Reads an address in which <c>http://</c> may be missing and, if no path stands behind the port, <c>/events</c>.</summary>
    public static bool TryReadUrl(string text, [NotNullWhen(true)] out Uri? url, [NotNullWhen(false)] out string? problem)
    {
        var parts = Address().Match(text);
        var (scheme, rest) = (parts.Groups["scheme"].Success ? parts.Groups["scheme"].Value : "http", parts.Groups["rest"].Value);
        var isUrl = Uri.TryCreate($"{scheme}://{parts.Groups["authority"].Value}{rest}", UriKind.Absolute, out url)
            && parts.Success && url.Scheme is "http" or "https";
        if (isUrl && url!.AbsolutePath == "/")
            url = new UriBuilder(url) { Path = "/events" }.Uri;

        problem = isUrl ? null : $"'{text}' is no http or https URL.";
        return isUrl;
    }

    /// <summary>Reads a token from its option or else from SSE_TOKEN, of which an empty one counts as not set; null for none.</summary>
    public static bool TryReadToken(string? given, out string? token, [NotNullWhen(false)] out string? problem)
    {
        var variable = Environment.GetEnvironmentVariable("SSE_TOKEN");
        token = (given ?? (variable is "" ? null : variable))?.Trim();
        problem = token is null || Units.TryToken(token, out _, out var expected) ? null : $"The token is {expected}.";
        return problem is null;
    }

    /// <summary>Whether an answer is no for now only: of a server that restarts, a proxy whose server restarts, a limit.</summary>
    public static bool IsForNow(HttpStatusCode status) => (int)status is 429 or 502 or 503 or 504;

    /// <summary>What the server says is wrong.</summary>
    public static async Task<string> ReadRefusalAsync(HttpResponseMessage answer, CancellationToken interrupted)
    {
        var hint = answer.StatusCode is HttpStatusCode.Unauthorized ? " (a token is given with --token or in SSE_TOKEN)" : "";
        return $"{(int)answer.StatusCode} {answer.ReasonPhrase}: {await ReadDetailAsync(answer, interrupted)}{hint}";
    }

    /// <summary>Says what is wrong in one line, and returns the exit code.</summary>
    public static int Fail(int exitCode, string problem)
    {
        Console.Error.WriteLine(LogWriter.OneLine(problem));
        return exitCode;
    }

    // The explanation in a refusal is the member "detail" of problem details (RFC 9457, section 3.1.4).
    private static async Task<string> ReadDetailAsync(HttpResponseMessage answer, CancellationToken interrupted)
    {
        const string Nothing = "the server says no more";
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(interrupted);
        limit.CancelAfter(TimeSpan.FromSeconds(10));
        try
        {
            await using var body = await answer.Content.ReadAsStreamAsync(limit.Token);
            var bytes = new byte[64 * 1024];
            var length = await body.ReadAtLeastAsync(bytes, bytes.Length, throwOnEndOfStream: false, limit.Token);
            return JsonNode.Parse(bytes.AsSpan(0, length))?["detail"]?.GetValue<string>() ?? Nothing;
        }
        catch (Exception e) when (e is OperationCanceledException ? !interrupted.IsCancellationRequested
            : e is JsonException or InvalidOperationException or ArgumentException or IOException or HttpRequestException)
        {
            // Too late, no JSON object, half a body, half a character, or a member twice.
            return Nothing;
        }
    }

    [GeneratedRegex("^((?<scheme>[A-Za-z][A-Za-z0-9+.-]*)://)?(?<authority>[^/?#]*[^/?#:])(?<rest>([/?#].*)?)$", RegexOptions.Singleline)]
    private static partial Regex Address();
}
