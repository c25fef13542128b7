using SseListener.Access;
using SseListener.Cluster;
using SseListener.Events;
using SseListener.Journal;
using SseListener.Log;

namespace SseListener.Http;

/// <summary>Every option of the server, with its default. <c>--help</c> explains each; here is only what it does not say.</summary>
internal sealed record ServerOptions : AccessOptions
{
    /// <summary>Null for <c>public</c> in the working directory or, without it, the pages within the program.</summary>
    public string? Public { get; init; }
    public string? Data { get; init; } = "data";
    public JournalSync Sync { get; init; } = JournalSync.Os;

    /// <summary>A log that hubs share, in place of a journal.</summary>
    public ClusterOptions Cluster { get; init; } = new();
    public long History { get; init; } = 64 * 1024 * 1024;
    public TimeSpan HistoryAge { get; init; } = TimeSpan.FromHours(24);
    public IReadOnlyList<KeepRule> Keep { get; init; } = [];
    public TimeSpan Heartbeat { get; init; } = TimeSpan.FromSeconds(15);
    public TimeSpan Retry { get; init; } = TimeSpan.FromSeconds(3);
    public TimeSpan WriteTimeout { get; init; } = TimeSpan.FromSeconds(30);
    public TimeSpan MaxAge { get; init; }
    public TimeSpan Drain { get; init; } = TimeSpan.FromSeconds(2);
    public TimeSpan BodyTimeout { get; init; } = TimeSpan.FromSeconds(10);
    public int MaxClients { get; init; } = 20_000;
    public int MaxClientsPerAddress { get; init; }
    public bool TrustProxy { get; init; }
    public int MaxChannels { get; init; } = 100_000;

    /// <summary>Most bodies of publishes under way at a time; when more come, the one that has been arriving longest gets 503.</summary>
    public int MaxPublishes { get; init; } = 1000;

    /// <summary>Most bytes of these bodies at a time, beside the first 16 KiB of each; when more come, the oldest gets 503, too.</summary>
    public long MaxPublishBytes { get; init; } = 64 * 1024 * 1024;
    public int PresenceLimit { get; init; } = 100;
    public IReadOnlyList<string> Cors { get; init; } = [];

    /// <summary>Threads that deliver: half of the processors, which leaves the others to those who publish.</summary>
    public int Lanes { get; init; } = Math.Max(1, Environment.ProcessorCount / 2);
    public LogLevel LogLevel { get; init; } = LogLevel.Info;
    public LogFormat LogFormat { get; init; }
    public int LogRepeats { get; init; } = 100;

    /// <summary>The address to open in a browser on this machine.</summary>
    public Uri Address => new($"http://{(Host == "+" ? "localhost" : Host)}:{Port}");

    /// <summary>What is wrong with the options together, or null.</summary>
    public string? Contradiction =>
        PublishToken is not null && PublishTokenFile is not null ? "--publish-token and --publish-token-file contradict each other."
        : OpenPublish && ((PublishToken ?? PublishTokenFile) is not null || TakesTokens)
            ? "--open-publish contradicts --publish-token and --jwt-key: who publishes either needs a token or does not."
        : MaxPublishBytes < MaxBody ? "--max-publish-bytes must be at least --max-body: such a body could not be published."
        : Keep.GroupBy(rule => rule.Pattern).FirstOrDefault(rules => rules.Count() > 1) is { Key: var twice }
            ? $"--keep says twice what is kept of {twice}."
        : !Cluster.IsUsed && Cluster != new ClusterOptions() ? "--cluster-... needs --cluster: the addresses of NATS servers."
        : (Cluster.Cert is null) != (Cluster.Key is null) ? "--cluster-cert and --cluster-key need each other."
        : Cluster.Password is not null && Cluster.PasswordFile is not null
            ? "SSE_CLUSTER_PASSWORD and --cluster-password-file contradict each other."
        : !TakesTokens && Private.Count > 0 ? "--private needs --jwt-key, --jwks or --jwt-issuer: nobody could listen to those channels."
        : !TakesTokens && (JwtAudience is not null || JwtClaim != new AccessOptions().JwtClaim)
            ? "--jwt-audience and --jwt-claim need --jwt-key, --jwks or --jwt-issuer."
        : JwtKey.Count == 0 && JwtIssuer.Skip(Jwks.Count).FirstOrDefault(issuer => !KeySet.TryReadAddress(issuer, out _)) is { } keyless
            ? $"--jwt-issuer {keyless} has no keys: it needs --jwt-key or --jwks, or to be the https address of an OpenID provider."
        : null;
}
