using SseListener.Access;
using SseListener.Journal;
using SseListener.Listener;
using SseListener.Log;

namespace SseListener.Http;

/// <summary>Every option of the server, with its default. The command line says how each is given and checked.</summary>
internal sealed record ServerOptions : AccessOptions
{
    // Bytes of chunks' heads and trailers that any body may have. A large one may have as many of them as of data.
    private const int SmallestFraming = 64 * 1024;

    /// <summary>The TCP port, 1 to 65535. HttpListener cannot choose one itself.</summary>
    public int Port { get; init; } = 3000;

    /// <summary>The folder of the pages; null for <c>public</c> in the working directory, or without it the pages within the program.</summary>
    public string? Public { get; init; }

    /// <summary>The folder that history is kept in; null to keep it in memory only.</summary>
    public string? Data { get; init; } = "data";

    /// <summary>When an event counts as kept.</summary>
    public JournalSync Sync { get; init; } = JournalSync.Os;

    /// <summary>Bytes of events kept for clients that come back; the oldest go first.</summary>
    public long History { get; init; } = 64 * 1024 * 1024;

    /// <summary>How long events are kept for clients that come back.</summary>
    public TimeSpan HistoryAge { get; init; } = TimeSpan.FromHours(24);

    /// <summary>How long a stream may be silent before it gets a comment.</summary>
    public TimeSpan Heartbeat { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How long clients are told to wait before they reconnect; each is told up to a quarter more or less.</summary>
    public TimeSpan Retry { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>Longest a client may take nothing of what is written to it before it counts as gone.</summary>
    public TimeSpan WriteTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Bytes that the operating system holds for a connection whose other end has no room for them; on Linux only.</summary>
    public int SendBuffer { get; init; } = 256 * 1024;

    /// <summary>How long a stream may stay open, give or take a fifth; zero for ever.</summary>
    public TimeSpan MaxAge { get; init; }

    /// <summary>How long the stop takes to end the streams, one after the other; zero for all at once.</summary>
    public TimeSpan Drain { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Longest the body of a request may take to arrive; then 408.</summary>
    public TimeSpan BodyTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Longest a connection may stay open without a request; then it is closed.</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Most clients at a time; one more gets 503.</summary>
    public int MaxClients { get; init; } = 20_000;

    /// <summary>Most clients at a time at one address; one more gets 429. 0 for any number.</summary>
    public int MaxClientsPerAddress { get; init; }

    /// <summary>Whether a proxy on this machine says in X-Forwarded-For whose request it brings.</summary>
    public bool TrustProxy { get; init; }

    /// <summary>Most channels that keep events, and most channels and patterns that are only listened to.</summary>
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

    /// <summary>Most clients of a channel that are told who joins and leaves; 0 for none.</summary>
    public int PresenceLimit { get; init; } = 100;

    /// <summary>Origins of the other sites whose pages may use the server.</summary>
    public IReadOnlyList<string> Cors { get; init; } = [];

    /// <summary>Threads that deliver: half of the processors, which leaves the others to those who publish.</summary>
    public int Lanes { get; init; } = Math.Max(1, Environment.ProcessorCount / 2);

    /// <summary>How much is logged.</summary>
    public LogLevel LogLevel { get; init; } = LogLevel.Info;

    /// <summary>How log lines are written.</summary>
    public LogFormat LogFormat { get; init; }

    /// <summary>How many log lines of one kind are written in a minute; the others are only counted.</summary>
    public int LogRepeats { get; init; } = 100;

    /// <summary>The options that the listener needs.</summary>
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
    public string? Contradiction => Contradictions().FirstOrDefault();

    private IEnumerable<string> Contradictions()
    {
        if (PublishToken is not null && PublishTokenFile is not null)
            yield return "--publish-token and --publish-token-file contradict each other.";

        if (OpenPublish && ((PublishToken ?? PublishTokenFile) is not null || JwtKey is not null))
            yield return "--open-publish contradicts --publish-token and --jwt-key: who publishes either needs a token or does not.";

        if (MaxPublishBytes < MaxBody)
            yield return "--max-publish-bytes must be at least --max-body: such a body could not be published.";

        if (JwtKey is null && Private.Count > 0)
            yield return "--private needs --jwt-key: nobody could listen to those channels.";

        if (JwtKey is null && (JwtIssuer ?? JwtAudience) is not null)
            yield return "--jwt-issuer and --jwt-audience need --jwt-key.";
    }
}
