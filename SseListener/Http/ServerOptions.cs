using SseListener.Access;
using SseListener.Journal;
using SseListener.Listener;
using SseListener.Log;

namespace SseListener.Http;

/// <summary>Every option of the server, with its default. The command line says how each is given and checked.</summary>
internal sealed record ServerOptions
{
    // Bytes of chunks' heads and trailers that a body may have beside as many as it may have of data.
    private const int SmallestFraming = 64 * 1024;

    /// <summary>The TCP port, 1 to 65535. HttpListener cannot choose one itself.</summary>
    public int Port { get; init; } = 3000;

    /// <summary>The host name to answer for; <c>localhost</c> includes 127.0.0.1 and ::1, and <c>+</c> is every name and address.</summary>
    public string Host { get; init; } = "localhost";

    /// <summary>The folder of the pages; null for <c>public</c> in the working directory, else beside the program.</summary>
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

    /// <summary>Whether private names of the framework are used, where they are found. Only tests of what is done without them set this.</summary>
    public bool UsesPrivateNames { get; init; } = true;

    /// <summary>Largest request line with its header fields, in bytes; a larger one gets 431.</summary>
    public int MaxHeader { get; init; } = 32 * 1024;

    /// <summary>Most clients of a channel that are told who joins and leaves; 0 for none.</summary>
    public int PresenceLimit { get; init; } = 100;

    /// <summary>What whoever publishes has to bring; null when no such token counts.</summary>
    public string? PublishToken { get; init; }

    /// <summary>The same, from a file.</summary>
    public string? PublishTokenFile { get; init; }

    /// <summary>Whether anyone may publish, also from elsewhere.</summary>
    public bool OpenPublish { get; init; }

    /// <summary>What JSON Web Tokens are verified with; null when none counts.</summary>
    public TokenKey? JwtKey { get; init; }

    /// <summary>The issuer that tokens must have, or null.</summary>
    public string? JwtIssuer { get; init; }

    /// <summary>The audience that tokens must have, or null.</summary>
    public string? JwtAudience { get; init; }

    /// <summary>Names and patterns of the channels that take a token to listen to.</summary>
    public IReadOnlyList<string> Private { get; init; } = [];

    /// <summary>Origins of the other sites whose pages may use the server.</summary>
    public IReadOnlyList<string> Cors { get; init; } = [];

    /// <summary>
    /// Threads that deliver. They leave half of the processors to those who publish: with 1,000 clients on two processors one lane
    /// delivered 11.0 million events a second of a burst, two 9.7 (medians of twelve runs in turns), and a lone event to 1,000 clients
    /// costs a twentieth less. It takes longer to many: to 8,000 clients 29 ms in the median, with two lanes 23.
    /// </summary>
    public int Lanes { get; init; } = Math.Max(1, Environment.ProcessorCount / 2);

    /// <summary>How much is logged.</summary>
    public LogLevel LogLevel { get; init; } = LogLevel.Info;

    /// <summary>How log lines are written.</summary>
    public LogFormat LogFormat { get; init; }

    /// <summary>How many log lines of one kind are written in a minute; the others are only counted.</summary>
    public int LogRepeats { get; init; } = 100;

    /// <summary>Where the server listens.</summary>
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

    /// <summary>Who may do what.</summary>
    public AccessOptions Access => new()
    {
        Host = Host,
        PublishToken = PublishToken ?? PublishTokenFile,
        OpenPublish = OpenPublish,
        JwtKey = JwtKey,
        JwtIssuer = JwtIssuer,
        JwtAudience = JwtAudience,
        Private = Private,
    };

    /// <summary>What is wrong with the options together, or null.</summary>
    public string? Contradiction =>
        (PublishToken is not null && PublishTokenFile is not null) ? "--publish-token and --publish-token-file contradict each other."
        : OpenPublish && ((PublishToken ?? PublishTokenFile) is not null || JwtKey is not null) ? "--open-publish contradicts --publish-token and --jwt-key: who publishes either needs a token or does not."
        : MaxPublishBytes < MaxBody ? "--max-publish-bytes must be at least --max-body: such a body could not be published."
        : JwtKey is null && Private.Count > 0 ? "--private needs --jwt-key: nobody could listen to those channels."
        : JwtKey is null && (JwtIssuer ?? JwtAudience) is not null ? "--jwt-issuer and --jwt-audience need --jwt-key."
        : null;
}
