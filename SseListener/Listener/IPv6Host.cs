using System.Text.RegularExpressions;

namespace SseListener.Listener;

/// <summary>
/// The field <c>Host</c> with an IPv6 address. HttpListener takes a host up to its first colon, and so answers 400 to every such
/// request (dotnet/runtime#34399). So it is shown a name of the same length in its place.
/// </summary>
internal static partial class IPv6Host
{
    /// <summary>Hides an address, if all of it has come with the first read, and returns it in its brackets; or null.</summary>
    public static string? Hide(Span<byte> read)
    {
        var end = read.IndexOf("\r\n\r\n"u8);
        var header = end < 0 ? read : read[..end];

        // Few headers have a bracket: the others need no string.
        var host = header.Contains((byte)'[') ? FirstHost().Match(Encoding.Latin1.GetString(header)).Groups["address"] : null;
        if (host is not { Success: true } || !IPAddress.TryParse(host.Value, out _))
            return null;

        header.Slice(host.Index, host.Length).Fill((byte)'x');
        return host.Value;
    }

    // .NET takes anything for the scope of an address, line breaks too.
    [GeneratedRegex(@"^host:[ \t]*(?<address>\[[0-9a-f:.]+\])?", RegexOptions.IgnoreCase | RegexOptions.Multiline)]
    private static partial Regex FirstHost();
}
