using System.Net;
using System.Text;

namespace SseListener.Listener;

/// <summary>
/// The field <c>Host</c> with an IPv6 address. HttpListener takes a host up to its first colon, and so answers 400 to every such
/// request (dotnet/runtime#34399). So it is shown a name of the same length in its place.
/// </summary>
internal static class IPv6Host
{
    /// <summary>Hides the address in a header, if one is there and all of it has come with the first read.</summary>
    /// <param name="read">What was read first of a request.</param>
    /// <returns>The address in its brackets, or null.</returns>
    public static string? Hide(Span<byte> read)
    {
        var end = read.IndexOf("\r\n\r\n"u8);
        var header = end < 0 ? read : read[..end];
        var field = Math.Max(header.IndexOf("\nHost: ["u8), header.IndexOf("\nhost: ["u8));
        var host = field < 0 ? [] : header[(field + "\nHost: ".Length)..];
        var length = host.IndexOf((byte)']') + 1;
        if (length == 0 || !IPAddress.TryParse(Encoding.Latin1.GetString(host[1..(length - 1)]), out _))
        {
            return null;
        }

        var address = Encoding.ASCII.GetString(host[..length]);
        host[..length].Fill((byte)'x');
        return address;
    }
}
