using System.Text.Unicode;

namespace SseListener.Listener;

/// <summary>
/// What a request line asks for (RFC 9112, section 3.2): path and query, percent-decoded once and strictly. The framework's own
/// reading is lenient: it folds dots and turns invalid UTF-8 into replacement characters, which then would be data.
/// </summary>
internal sealed class RequestTarget
{
    /// <summary>Most parameters of a query; a client may name a hundred channels.</summary>
    public const int MostParameters = 250;

    private const int LongestShown = 200;

    private readonly List<KeyValuePair<string, string>> _query;

    private RequestTarget(string path, List<KeyValuePair<string, string>> query) => (Path, _query) = (path, query);

    /// <summary>Stands in for a target that cannot be read.</summary>
    public static RequestTarget None { get; } = new("?", []);

    /// <summary>The decoded path; it may still contain anything.</summary>
    public string Path { get; }

    public bool HasTooManyParameters => _query.Count > MostParameters;

    /// <summary>The path as it may be logged: without what may be a query, in which there may be a token.</summary>
    public string Shown
    {
        get
        {
            var end = Path.AsSpan().IndexOfAny('?', '&', ';');
            var path = end < 0 ? Path : Path[..end];
            return path.Length <= LongestShown ? path : path[..LongestShown] + "…";
        }
    }

    /// <summary>Reads the target as it stands in the request line; false when an escape is not one or not UTF-8.</summary>
    public static bool TryParse(string target, [NotNullWhen(true)] out RequestTarget? parsed)
    {
        parsed = null;
        var origin = WithoutAuthority(target);
        var mark = origin.IndexOf('?', StringComparison.Ordinal);
        var query = new List<KeyValuePair<string, string>>();
        if (!TryDecode(mark < 0 ? origin : origin[..mark], plusIsSpace: false, out var path)
            || (mark >= 0 && !TryParseQuery(origin[(mark + 1)..], query)))
        {
            return false;
        }

        parsed = new RequestTarget(path, query);
        return true;
    }

    public IEnumerable<string> Names => _query.Select(parameter => parameter.Key);

    /// <summary>All values of a query parameter, which may have several names, in order.</summary>
    public IEnumerable<string> All(params string[] names) =>
        _query.Count == 0 ? [] : _query.Where(parameter => names.Contains(parameter.Key)).Select(parameter => parameter.Value);

    public string? First(string name) => All(name).FirstOrDefault();

    // A client that takes us for a proxy sends the absolute form, http://host/path.
    private static string WithoutAuthority(string target)
    {
        var scheme = target.StartsWith('/') ? -1 : target.IndexOf("://", StringComparison.Ordinal);
        if (scheme < 0)
            return target;

        var path = target.IndexOfAny(['/', '?'], scheme + 3);
        return path < 0 ? "/" : target[path] == '/' ? target[path..] : "/" + target[path..];
    }

    private static bool TryParseQuery(string query, List<KeyValuePair<string, string>> parameters)
    {
        foreach (var part in query.Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var equals = part.IndexOf('=', StringComparison.Ordinal);
            if (!TryDecode(equals < 0 ? part : part[..equals], plusIsSpace: true, out var name)
                || !TryDecode(equals < 0 ? "" : part[(equals + 1)..], plusIsSpace: true, out var value))
            {
                return false;
            }

            parameters.Add(new(name, value));
        }

        return true;
    }

    // HttpListener hands the request line over as Latin-1, a character a byte.
    private static bool TryDecode(string text, bool plusIsSpace, out string decoded)
    {
        var bytes = new byte[text.Length];
        var length = 0;
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '%')
            {
                if (i + 2 >= text.Length || !char.IsAsciiHexDigit(text[i + 1]) || !char.IsAsciiHexDigit(text[i + 2]))
                {
                    decoded = "";
                    return false;
                }

                bytes[length++] = Convert.FromHexString(text.AsSpan(i + 1, 2))[0];
                i += 2;
            }
            else
            {
                bytes[length++] = plusIsSpace && text[i] == '+' ? (byte)' ' : (byte)text[i];
            }
        }

        var isText = Utf8.IsValid(bytes.AsSpan(0, length));
        decoded = isText ? Encoding.UTF8.GetString(bytes, 0, length) : "";
        return isText;
    }
}
