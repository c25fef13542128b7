namespace SseListener.Listener;

/// <summary>Where a server listens, and what it bears; <c>--help</c> explains the options that have these names.</summary>
internal sealed record ListenerOptions
{
    public required string Host { get; init; }
    public required int Port { get; init; }
    public required int SendBuffer { get; init; }
    public required TimeSpan IdleTimeout { get; init; }
    public required int MaxHeader { get; init; }

    /// <summary>Bytes that are read of a header: more than may be, so that one that is a little too large is answered.</summary>
    public long LongestHeader => 2L * Math.Max(32 * 1024, MaxHeader);

    /// <summary>Bytes of the largest chunked body, what makes the chunks included.</summary>
    public required long MaxChunkedBody { get; init; }

    /// <summary>Whether private names of the framework are used, where they are found.</summary>
    public required bool UsesPrivateNames { get; init; }
}
