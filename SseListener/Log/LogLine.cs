namespace SseListener.Log;

/// <summary>How much is logged: this level and those after it.</summary>
internal enum LogLevel
{
    /// <summary>Also the headers of requests, publishes, and what is only interesting when something is wrong.</summary>
    Debug,

    /// <summary>Clients that come and go, and refusals.</summary>
    Info,

    /// <summary>What somebody should look at some day.</summary>
    Warning,

    /// <summary>What somebody should look at now.</summary>
    Error,
}

/// <summary>How log lines are written.</summary>
internal enum LogFormat
{
    /// <summary>For people: time, level, message.</summary>
    Text,

    /// <summary>For programs: an object with <c>time</c>, <c>level</c>, <c>kind</c> where a line has one, and <c>message</c>.</summary>
    Json,
}

/// <summary>Makes log lines.</summary>
internal static class LogLine
{
    private static readonly string[] _names = ["debug", "info", "warning", "error"];

    // Of one length, so that messages stand below each other.
    private static readonly string[] _columns = ["debug", "info ", "warn ", "error"];

    /// <summary>One line, whatever the message holds: nobody may forge another one, or drive a terminal.</summary>
    public static string Write(LogFormat format, LogLevel level, string? kind, string message)
    {
        var time = DateTime.UtcNow.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
        if (format is LogFormat.Text)
            return $"{time} {_columns[(int)level]} {LogWriter.OneLine(message)}";

        // JSON allows control characters that a terminal would obey.
        var name = _names[(int)level];
        var member = kind is null ? "" : $",\"kind\":{JsonText.Quote(kind)}";
        return LogWriter.OneLine($$"""{"time":"{{time}}","level":"{{name}}"{{member}},"message":{{JsonText.Quote(message)}}}""");
    }
}
