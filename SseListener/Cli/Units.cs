using SseListener.Events;

namespace SseListener.Cli;

/// <summary>How values of options are written: numbers, sizes such as 64MiB, durations such as 15s.</summary>
internal static class Units
{
    // From the smallest to the largest; of durations in ticks, of sizes in bytes.
    private static readonly (string Name, long Size)[] _sizes = [("B", 1), ("KiB", 1L << 10), ("MiB", 1L << 20), ("GiB", 1L << 30)];
    private static readonly (string Name, long Size)[] _durations =
    [
        ("ms", TimeSpan.TicksPerMillisecond), ("s", TimeSpan.TicksPerSecond), ("m", TimeSpan.TicksPerMinute), ("h", TimeSpan.TicksPerHour),
    ];

    private static readonly (string Name, long Size)[] _ages = [.. _durations, ("d", TimeSpan.TicksPerDay)];

    public static TryParse<string> TryText { get; } = Where(text => text.Length > 0, "a text that is not empty");
    public static TryParse<string> TryToken { get; } =
        Where(text => text.Length > 0 && text.All(c => c is > ' ' and < (char)0x7F), "a token of visible ASCII characters");

    public static TryParse<string> TryChannels { get; } =
        Where(ChannelNames.IsRule, "a channel's name, a pattern such as user/*, or * for all");

    /// <summary>
    /// A channel, pattern or <c>*</c>, an equals sign, and what is kept, each at most once: an age such as 7d, a size such as 1MiB, a
    /// number of events.
    /// </summary>
    public static bool TryKeepRule(string text, [MaybeNullWhen(false)] out KeepRule value, out string expected)
    {
        expected = "a channel, pattern or *, and what is kept: an age, a size, a number of events, such as llm/*=10m,1MiB or prices/*=1";
        var parts = text.Split('=');
        var (name, limits) = parts.Length == 2 ? (parts[0].Trim(), parts[1].Split(',')) : ("", []);
        value = new KeepRule(name, Bytes: null, Age: null, Events: null);
        foreach (var limit in limits.Select(limit => limit.Trim()))
        {
            value = value switch
            {
                { Events: null } when int.TryParse(limit, NumberStyles.None, CultureInfo.InvariantCulture, out var events) && events > 0 =>
                    value with { Events = events },
                { Bytes: null } when TryParse(limit, _sizes, out var bytes) && bytes > 0 => value with { Bytes = bytes },
                { Age: null } when TryParse(limit, _ages, out var ticks) && ticks > 0 => value with { Age = TimeSpan.FromTicks(ticks) },
                _ => null,
            };
            if (value is null)
                return false;
        }

        return ChannelNames.IsRule(name);
    }

    public static bool TryFlag(string text, out bool value, out string expected)
    {
        expected = "true or false";
        value = text is "1" || text.Equals("true", StringComparison.OrdinalIgnoreCase);
        return value || text is "0" || text.Equals("false", StringComparison.OrdinalIgnoreCase);
    }

    public static bool TryTokenFile(string text, [MaybeNullWhen(false)] out string value, out string expected)
    {
        try
        {
            return TryToken(File.ReadAllText(text).Trim(), out value, out expected);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            (value, expected) = ("", "a file with a token of visible ASCII characters");
            return false;
        }
    }

    /// <summary>An origin as browsers write it (RFC 6454, section 6.2), without a path or a default port.</summary>
    public static bool TryOrigin(string text, out string value, out string expected)
    {
        (value, expected) = ("", "an origin such as https://app.example.com, without a path or a default port");
        if (!Uri.TryCreate(text, UriKind.Absolute, out var uri) || !Ascii.IsValid(text))
            return false;

        value = uri.GetLeftPart(UriPartial.Authority);
        return uri.Scheme is "http" or "https" && uri.UserInfo.Length == 0 && text.Equals(value, StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>A host name, an address (of IPv6 with or without its brackets), or + for all.</summary>
    public static bool TryHost(string text, out string value, out string expected)
    {
        var isAll = text is "+" or "*" or "0.0.0.0" or "::" or "[::]";
        var kind = Uri.CheckHostName(text);
        value = isAll ? "+" : kind is UriHostNameType.IPv6 ? $"[{IPAddress.Parse(text.Trim('[', ']'))}]" : text.ToLowerInvariant();
        expected = "a host name, an address, or + for every address";
        return isAll || kind is UriHostNameType.Dns or UriHostNameType.IPv4 or UriHostNameType.IPv6;
    }

    /// <summary>The address of a NATS server, perhaps with a user's name, but without a password, which others could read.</summary>
    public static bool TryNatsAddress(string text, out string value, out string expected)
    {
        value = text;
        expected = "an address such as nats://a:4222 (or tls://), with a user as in nats://user@a:4222, without a password";
        return Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme is "nats" or "tls" && uri.Host.Length > 0
            && uri.PathAndQuery is "" or "/" && !uri.UserInfo.Contains(':', StringComparison.Ordinal);
    }

    public static bool TryStreamName(string text, out string value, out string expected)
    {
        (value, expected) = (text, "a name of up to 64 letters, digits, - and _");
        return text.Length is > 0 and <= 64 && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_');
    }

    public static bool TryName<T>(string text, out T value, out string expected) where T : struct, Enum
    {
        var names = Enum.GetValues<T>().Select(NameText).ToList();
        expected = $"{string.Join(", ", names.SkipLast(1))} or {names[^1]}";

        // TryParse also reads numbers and lists.
        return Enum.TryParse(text, ignoreCase: true, out value) && names.Contains(text, StringComparer.OrdinalIgnoreCase);
    }

    public static string NameText<T>(T value) where T : struct, Enum => value.ToString().ToLowerInvariant();

    /// <summary>A positive duration of up to 24 days, which every timer can wait.</summary>
    public static bool TryDuration(string text, out TimeSpan value, out string expected)
    {
        expected = "a duration of up to 576h, such as 300ms, 15s or 2m";
        var isDuration = TryParse(text, _durations, out var ticks);
        value = TimeSpan.FromTicks(ticks);
        return isDuration && value > TimeSpan.Zero && value <= TimeSpan.FromDays(24);
    }

    public static bool TryDurationOrZero(string text, out TimeSpan value, out string expected)
    {
        var isDuration = TryDuration(text, out value, out expected);
        expected += ", or 0";
        return isDuration || text is "0" or "0s";
    }

    public static string DurationText(TimeSpan duration) => duration == TimeSpan.Zero ? "0" : Text(duration.Ticks, _durations);

    public static TryParse<int> NumberBetween(int least, int most) => (string text, out int value, out string expected) =>
    {
        expected = most == int.MaxValue ? $"a whole number from {least}" : $"a whole number from {least} to {most}";
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value) && value >= least && value <= most;
    };

    public static TryParse<long> SizeBetween(long least, long most) => (string text, out long value, out string expected) =>
    {
        expected = most == long.MaxValue ? "a size such as 64KiB or 1MiB" : $"a size from {least}B to {most}B, such as 64KiB or 1MiB";
        var withUnit = text.Length > 0 && char.IsAsciiDigit(text[^1]) ? text + "B" : text;
        return TryParse(withUnit, _sizes, out value) && value >= least && value <= most;
    };

    public static string SizeText(long bytes) => Text(bytes, _sizes);

    private static TryParse<string> Where(Func<string, bool> isValid, string what) =>
        (string text, [MaybeNullWhen(false)] out string value, out string expected) =>
        {
            (value, expected) = (text, what);
            return isValid(text);
        };

    private static bool TryParse(string text, (string Name, long Size)[] units, out long amount)
    {
        var digits = Math.Max(0, text.AsSpan().IndexOfAnyExceptInRange('0', '9'));
        var isNumber = long.TryParse(text.AsSpan(0, digits), NumberStyles.None, CultureInfo.InvariantCulture, out var number);
        var unit = units.FirstOrDefault(unit => unit.Name == text[digits..]).Size;
        amount = unchecked(number * unit);
        return isNumber && unit > 0 && number <= long.MaxValue / unit;
    }

    private static string Text(long amount, (string Name, long Size)[] units)
    {
        var (name, size) = units.Last(unit => amount % unit.Size == 0);
        return string.Create(CultureInfo.InvariantCulture, $"{amount / size}{name}");
    }
}
