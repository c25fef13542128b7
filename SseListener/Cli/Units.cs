using System.Globalization;
using System.Text;
using SseListener.Events;

namespace SseListener.Cli;

/// <summary>How values of options are written: numbers, sizes such as 64MiB, durations such as 15s.</summary>
internal static class Units
{
    private static readonly Dictionary<string, TimeSpan> _durations = new(StringComparer.Ordinal)
    {
        ["ms"] = TimeSpan.FromMilliseconds(1),
        ["s"] = TimeSpan.FromSeconds(1),
        ["m"] = TimeSpan.FromMinutes(1),
        ["h"] = TimeSpan.FromHours(1),
    };

    private static readonly Dictionary<string, long> _sizes = new(StringComparer.Ordinal)
    {
        ["B"] = 1,
        ["KiB"] = 1L << 10,
        ["MiB"] = 1L << 20,
        ["GiB"] = 1L << 30,
    };

    /// <summary>Any text that is not empty.</summary>
    public static bool TryText(string text, out object value)
    {
        value = text.Length > 0 ? text : "a text that is not empty";
        return text.Length > 0;
    }

    /// <summary>true or false, also as 1 or 0.</summary>
    public static bool TryFlag(string text, out object value)
    {
        var isTrue = text is "1" || text.Equals("true", StringComparison.OrdinalIgnoreCase);
        var isFlag = isTrue || text is "0" || text.Equals("false", StringComparison.OrdinalIgnoreCase);
        value = isFlag ? isTrue : "true or false";
        return isFlag;
    }

    /// <summary>A token that can stand in a header field: visible ASCII.</summary>
    public static bool TryToken(string text, out object value)
    {
        var isToken = text.Length > 0 && text.All(c => c is > ' ' and < (char)0x7F);
        value = isToken ? text : "a token of visible ASCII characters";
        return isToken;
    }

    /// <summary>A file that holds nothing but such a token.</summary>
    public static bool TryTokenFile(string text, out object value)
    {
        try
        {
            return TryToken(File.ReadAllText(text).Trim(), out value);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            value = "a file with a token of visible ASCII characters";
            return false;
        }
    }

    /// <summary>A channel's name, a pattern such as user/*, or * for all.</summary>
    public static bool TryChannels(string text, out object value)
    {
        value = ChannelNames.IsRule(text) ? text : "a channel's name, a pattern such as user/*, or * for all";
        return ChannelNames.IsRule(text);
    }

    /// <summary>An origin as browsers write it (RFC 6454, section 6.2): https://app.example.com, without a path or a default port.</summary>
    public static bool TryOrigin(string text, out object value)
    {
        var isOrigin = Uri.TryCreate(text, UriKind.Absolute, out var uri)
            && Ascii.IsValid(text)
            && uri.Scheme is "http" or "https"
            && uri.UserInfo.Length == 0
            && string.Equals(text, uri.GetLeftPart(UriPartial.Authority), StringComparison.OrdinalIgnoreCase);
        value = isOrigin ? uri!.GetLeftPart(UriPartial.Authority) : "an origin such as https://app.example.com, without a path or a default port";
        return isOrigin;
    }

    /// <summary>A host name, an IPv4 address, or + for all. HttpListener answers 400 to every request for an IPv6 address (dotnet/runtime#34399).</summary>
    public static bool TryHost(string text, out object value)
    {
        var isAll = text is "+" or "*" or "0.0.0.0" or "::" or "[::]";
        var isHost = isAll || Uri.CheckHostName(text) is UriHostNameType.Dns or UriHostNameType.IPv4;
        value = isAll ? "+" : isHost ? text.ToLower(CultureInfo.InvariantCulture) : "a host name, an IPv4 address, or + for every address; IPv6 is reached by name (localhost for ::1)";
        return isHost;
    }

    /// <summary>One of the names of an enumeration.</summary>
    public static bool TryName<T>(string text, out object value)
        where T : struct, Enum
    {
        // By name: on its own TryParse also takes numbers and lists.
        var names = Enum.GetNames<T>();
        var isName = Enum.TryParse<T>(text, ignoreCase: true, out var named) && names.Contains(text, StringComparer.OrdinalIgnoreCase);
        value = isName ? named : string.Create(CultureInfo.InvariantCulture, $"{string.Join(", ", names[..^1])} or {names[^1]}").ToLower(CultureInfo.InvariantCulture);
        return isName;
    }

    /// <summary>A positive duration of up to 24 days, such as 300ms, 15s, 2m or 24h.</summary>
    public static bool TryDuration(string text, out object value)
    {
        value = "a duration such as 300ms, 15s, 2m or 24h";
        if (!TrySplit(text, _durations, out var number, out var unit) || number <= 0 || number > TimeSpan.FromDays(24) / unit)
        {
            return false;
        }

        value = number * unit;
        return true;
    }

    /// <summary>The same, or 0.</summary>
    public static bool TryDurationOrZero(string text, out object value)
    {
        var isZero = text is "0" or "0s";
        var isDuration = TryDuration(text, out value) || isZero;
        value = isZero ? TimeSpan.Zero : isDuration ? value : value + ", or 0";
        return isDuration;
    }

    /// <summary>Reads whole numbers within these bounds.</summary>
    public static TryRead NumberBetween(int least, int most) => (string text, out object value) =>
    {
        var isNumber = int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most;
        value = isNumber ? number : most == int.MaxValue ? $"a whole number from {least}" : $"a whole number from {least} to {most}";
        return isNumber;
    };

    /// <summary>Reads sizes such as 65536, 64KiB or 1MiB within these bounds.</summary>
    public static TryRead SizeBetween(long least, long most) => (string text, out object value) =>
    {
        value = most == long.MaxValue ? $"a size such as 64KiB or 1MiB" : $"a size from {least}B to {most}B, such as 64KiB or 1MiB";
        var withUnit = text.Length > 0 && char.IsAsciiDigit(text[^1]) ? text + "B" : text;
        if (!TrySplit(withUnit, _sizes, out var number, out var unit) || number > long.MaxValue / unit || number * unit < least || number * unit > most)
        {
            return false;
        }

        value = number * unit;
        return true;
    };

    private static bool TrySplit<T>(string text, Dictionary<string, T> units, out long number, out T unit)
        where T : struct
    {
        var digits = text.AsSpan().IndexOfAnyExceptInRange('0', '9');
        number = 0;
        unit = default;
        return digits > 0
            && units.TryGetValue(text[digits..], out unit)
            && long.TryParse(text.AsSpan(0, digits), NumberStyles.None, CultureInfo.InvariantCulture, out number);
    }
}
