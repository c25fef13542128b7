namespace SseListener.Listener;

/// <summary>
/// The field <c>Host</c> with an IPv6 address. HttpListener takes a host up to its first colon, and so answers 400 to every such
/// request (dotnet/runtime#34399). So it is shown a name of the same length in its place.
/// </summary>
internal static class IPv6Host
{
    private static readonly SearchValues<byte> _characters = SearchValues.Create("0123456789ABCDEFabcdef:."u8);

    /// <summary>Hides an address, if all of it has come with the first read, and returns it in its brackets; or null.</summary>
    public static string? Hide(Span<byte> read)
    {
        var end = read.IndexOf("\r\n\r\n"u8);
        var header = end < 0 ? read : read[..end];
        var host = header[StartOfHost(header)..];
        var length = host.StartsWith("["u8) ? host.IndexOf((byte)']') + 1 : 0;

        // .NET takes anything for the scope of an address, line breaks too.
        if (length == 0 || host[1..(length - 1)].ContainsAnyExcept(_characters) || !IPAddress.TryParse(Text(host[..length]), out _))
            return null;

        var address = Text(host[..length]);
        host[..length].Fill((byte)'x');
        return address;
    }

    private static string Text(ReadOnlySpan<byte> bytes) => Encoding.ASCII.GetString(bytes);

    private static int StartOfHost(ReadOnlySpan<byte> header)
    {
        foreach (var range in header.Split((byte)'\n'))
        {
            var line = header[range];
            if (line.Length > 5 && Ascii.EqualsIgnoreCase(line[..5], "host:"u8))
                return range.Start.Value + 5 + line[5..].IndexOfAnyExcept((byte)' ', (byte)'\t');
        }

        return header.Length;
    }
}
