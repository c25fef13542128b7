namespace SseListener.Listener;

/// <summary>Where a server listens, and what it bears.</summary>
internal sealed record ListenerOptions
{
    /// <summary>The host name to answer for; <c>localhost</c> includes 127.0.0.1 and ::1, and <c>+</c> is every name and address.</summary>
    public required string Host { get; init; }

    /// <summary>The TCP port.</summary>
    public required int Port { get; init; }

    /// <summary>Bytes that the operating system holds for a connection whose other end has no room for them.</summary>
    public required int SendBuffer { get; init; }

    /// <summary>Longest a connection may stay open without a request.</summary>
    public required TimeSpan IdleTimeout { get; init; }

    /// <summary>Bytes of the largest request line with its header fields.</summary>
    public required int MaxHeader { get; init; }

    /// <summary>Bytes that are read of a header: more than may be, so that one that is a little too large is answered.</summary>
    public long LongestHeader => 2L * Math.Max(32 * 1024, MaxHeader);

    /// <summary>Bytes of the largest chunked body, what makes the chunks included.</summary>
    public required long MaxChunkedBody { get; init; }

    /// <summary>Whether private names of the framework are used, where they are found.</summary>
    public required bool UsesPrivateNames { get; init; }
}
