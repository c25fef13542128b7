using SseListener.Access;
using SseListener.Journal;
using SseListener.Listener;
using SseListener.Log;

namespace SseListener.Http;

/// <summary>Every option of the server, with its default. <c>--help</c> explains each; here is only what it does not say.</summary>
internal sealed record ServerOptions : AccessOptions
{
    // Bytes of chunks' heads and trailers that any body may have. A large one may have as many of them as of data.
    private const int SmallestFraming = 64 * 1024;

    public int Port { get; init; } = 3000;

    /// <summary>Null for <c>public</c> in the working directory or, without it, the pages within the program.</summary>
    public string? Public { get; init; }

    public string? Data { get; init; } = "data";
    public JournalSync Sync { get; init; } = JournalSync.Os;
    public long History { get; init; } = 64 * 1024 * 1024;
    public TimeSpan HistoryAge { get; init; } = TimeSpan.FromHours(24);
    public TimeSpan Heartbeat { get; init; } = TimeSpan.FromSeconds(15);
    public TimeSpan Retry { get; init; } = TimeSpan.FromSeconds(3);
    public TimeSpan WriteTimeout { get; init; } = TimeSpan.FromSeconds(30);
    public int SendBuffer { get; init; } = 256 * 1024;
    public TimeSpan MaxAge { get; init; }
    public TimeSpan Drain { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Longest the body of a request may take to arrive; then 408.</summary>
    public TimeSpan BodyTimeout { get; init; } = TimeSpan.FromSeconds(10);

    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Most clients at a time; one more gets 503.</summary>
    public int MaxClients { get; init; } = 20_000;

    /// <summary>Most clients at a time at one address; one more gets 429. 0 for any number.</summary>
    public int MaxClientsPerAddress { get; init; }

    public bool TrustProxy { get; init; }
    public int MaxChannels { get; init; } = 100_000;

    /// <summary>Most publishes under way at a time; of more the one whose body has been arriving for longest gets 503.</summary>
    public int MaxPublishes { get; init; } = 1000;

    /// <summary>Most bytes of their bodies at a time, beside 16 KiB for each; with more it is the same.</summary>
    public long MaxPublishBytes { get; init; } = 64 * 1024 * 1024;

    /// <summary>Largest body of a publish, in bytes; a larger one gets 413.</summary>
    public int MaxBody { get; init; } = 1024 * 1024;

    /// <summary>Whether private names of the framework are used, where they are found. Only tests turn it off.</summary>
    public bool UsesPrivateNames { get; init; } = true;

    /// <summary>Largest request line with its header fields, in bytes; a larger one gets 431.</summary>
    public int MaxHeader { get; init; } = 32 * 1024;

    public int PresenceLimit { get; init; } = 100;
    public IReadOnlyList<string> Cors { get; init; } = [];

    /// <summary>Threads that deliver: half of the processors, which leaves the others to those who publish.</summary>
    public int Lanes { get; init; } = Math.Max(1, Environment.ProcessorCount / 2);

    public LogLevel LogLevel { get; init; } = LogLevel.Info;
    public LogFormat LogFormat { get; init; }
    public int LogRepeats { get; init; } = 100;

    public ListenerOptions Listener => new()
    {
        Host = Host,
        Port = Port,
        SendBuffer = SendBuffer,
        IdleTimeout = IdleTimeout,
        MaxHeader = MaxHeader,
        MaxChunkedBody = (2L * MaxBody) + SmallestFraming,
        UsesPrivateNames = UsesPrivateNames,
    };

    /// <summary>What is wrong with the options together, or null.</summary>
    public string? Contradiction =>
        PublishToken is not null && PublishTokenFile is not null ? "--publish-token and --publish-token-file contradict each other."
        : OpenPublish && ((PublishToken ?? PublishTokenFile) is not null || JwtKey is not null)
            ? "--open-publish contradicts --publish-token and --jwt-key: who publishes either needs a token or does not."
        : MaxPublishBytes < MaxBody ? "--max-publish-bytes must be at least --max-body: such a body could not be published."
        : JwtKey is null && Private.Count > 0 ? "--private needs --jwt-key: nobody could listen to those channels."
        : JwtKey is null && (JwtIssuer ?? JwtAudience) is not null ? "--jwt-issuer and --jwt-audience need --jwt-key."
        : null;
}
