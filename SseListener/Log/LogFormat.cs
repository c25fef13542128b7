using System.Globalization;

namespace SseListener.Log;

/// <summary>How log lines are written.</summary>
internal enum LogFormat
{
    /// <summary>For people: time, level, message.</summary>
    Text,

    /// <summary>For programs: a JSON object a line, with the members <c>time</c>, <c>level</c>, <c>kind</c> where a line has one, and <c>message</c>.</summary>
    Json,
}

/// <summary>Makes log lines.</summary>
internal static class LogLine
{
    /// <summary>One line, whatever the message holds: nobody may forge another one, or drive a terminal.</summary>
    /// <param name="format">How it is written.</param>
    /// <param name="level">Its level.</param>
    /// <param name="kind">What it is one of many of; null for nothing.</param>
    /// <param name="message">What there is to say.</param>
    public static string Write(LogFormat format, LogLevel level, string? kind, string message)
    {
        var time = DateTime.UtcNow.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
        return format is LogFormat.Text
            ? $"{time} {ShortName(level)} {LogWriter.OneLine(message)}"
            // What JSON lets stand of control characters, a terminal would take for its own.
            : LogWriter.OneLine($$"""{"time":"{{time}}","level":"{{Name(level)}}"{{(kind is null ? "" : $",\"kind\":{JsonText.Quote(kind)}")}},"message":{{JsonText.Quote(message)}}}""");
    }

    private static string Name(LogLevel level) => level switch
    {
        LogLevel.Debug => "debug",
        LogLevel.Info => "info",
        LogLevel.Warning => "warning",
        _ => "error",
    };

    // As long as each other, so that the messages stand below each other.
    private static string ShortName(LogLevel level) => level switch
    {
        LogLevel.Debug => "debug",
        LogLevel.Info => "info ",
        LogLevel.Warning => "warn ",
        _ => "error",
    };
}
