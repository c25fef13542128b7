using System.Text.RegularExpressions;
using System.Text.Unicode;

namespace SseListener.Listener;

/// <summary>
/// What a request line asks for (RFC 9112, section 3.2): path and query, percent-decoded once and strictly. The framework's own
/// reading is lenient: it folds dots and turns invalid UTF-8 into replacement characters, which then would be data.
/// </summary>
internal sealed partial class RequestTarget
{
    /// <summary>Most parameters of a query; a client may name a hundred channels.</summary>
    public const int MostParameters = 250;

    private const int LongestShown = 200;

    private readonly List<(string Name, string Value)> _query;

    private RequestTarget(string path, List<(string Name, string Value)> query) => (Path, _query) = (path, query);

    /// <summary>Stands in for a target that cannot be read.</summary>
    public static RequestTarget None { get; } = new("?", []);

    /// <summary>The decoded path; it may still contain anything.</summary>
    public string Path { get; }
    public bool HasTooManyParameters => _query.Count > MostParameters;
    public IEnumerable<string> Names => _query.Select(parameter => parameter.Name);

    /// <summary>The path as it may be logged: without what may be a query, in which there may be a token.</summary>
    public string Shown => Path.Split('?', '&', ';')[0] is var path && path.Length > LongestShown ? path[..LongestShown] + "…" : path;

    /// <summary>Reads the target as it stands in the request line; false when an escape is not one or not UTF-8.</summary>
    public static bool TryParse(string target, [NotNullWhen(true)] out RequestTarget? parsed)
    {
        var parts = Authority().Replace(target, "/").Split('?', 2);
        var parameters = parts.Skip(1).SelectMany(text => text.Split('&', StringSplitOptions.RemoveEmptyEntries));
        var query = new List<(string Name, string Value)>();
        var isGood = TryDecode(parts[0], plusIsSpace: false, out var path) && parameters.All(parameter => TryAdd(parameter, query));
        parsed = isGood ? new RequestTarget(path, query) : null;
        return parsed is not null;
    }

    /// <summary>All values of a query parameter, which may have several names, in order.</summary>
    public IEnumerable<string> All(params string[] names) =>
        _query.Where(parameter => names.Contains(parameter.Name)).Select(parameter => parameter.Value);

    public string? First(string name) => All(name).FirstOrDefault();

    private static bool TryAdd(string parameter, List<(string Name, string Value)> query)
    {
        var parts = parameter.Split('=', 2);
        var isGood = TryDecode(parts[0], plusIsSpace: true, out var name) & TryDecode(parts[^1], plusIsSpace: true, out var value);
        query.Add((name, parts.Length > 1 ? value : ""));
        return isGood;
    }

    // HttpListener hands the request line over as Latin-1, a character a byte.
    private static bool TryDecode(string text, bool plusIsSpace, out string decoded)
    {
        // The framework turns + into a space, and leaves an escape that is none as it is.
        var escaped = Encoding.Latin1.GetBytes(plusIsSpace ? text : text.Replace("+", "%2B", StringComparison.Ordinal));
        var bytes = WebUtility.UrlDecodeToBytes(escaped, 0, escaped.Length);
        decoded = Encoding.UTF8.GetString(bytes);
        return Utf8.IsValid(bytes) && !BadEscape().IsMatch(text);
    }

    // A client that takes us for a proxy sends the absolute form, http://host/path.
    [GeneratedRegex("^(?!/).*?://[^/?]*/?")]
    private static partial Regex Authority();

    [GeneratedRegex("%(?![0-9A-Fa-f]{2})")]
    private static partial Regex BadEscape();
}
