namespace SseListener.Listener;

/// <summary>Where a server listens, and what it bears; <c>--help</c> explains each option.</summary>
internal record ListenerOptions
{
    public string Host { get; init; } = "localhost";
    public int Port { get; init; } = 3000;
    public int SendBuffer { get; init; } = 256 * 1024;
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromSeconds(15);
    public int MaxHeader { get; init; } = 32 * 1024;
    public int MaxBody { get; init; } = 1024 * 1024;

    /// <summary>Whether private names of the framework are used, where they are found. Only tests turn it off.</summary>
    public bool UsesPrivateNames { get; init; } = true;

    /// <summary>Bytes that are read of a chunked body: of chunks' heads and trailers as many as of data, and 64 KiB more.</summary>
    public long LongestChunked => (2L * MaxBody) + (64 * 1024);
}
