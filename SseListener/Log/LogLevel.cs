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
