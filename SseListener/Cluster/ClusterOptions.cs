namespace SseListener.Cluster;

/// <summary>How the shared log is reached and, where a hub creates it, what it is to keep. <c>--help</c> explains each.</summary>
internal sealed record ClusterOptions
{
    /// <summary>Addresses of NATS servers, of which one that answers is enough; none for a hub that stands alone.</summary>
    public IReadOnlyList<string> Servers { get; init; } = [];
    public string Stream { get; init; } = "sse";
    public int Replicas { get; init; } = 3;

    /// <summary>How long a publish waits to be stored, and a start for the servers.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(15);
    public string? Creds { get; init; }
    public string? Ca { get; init; }
    public string? Cert { get; init; }
    public string? Key { get; init; }
    public string? Password { get; init; }
    public string? PasswordFile { get; init; }
    public bool IsUsed => Servers.Count > 0;

    /// <summary>The subject of the stream's messages. What hubs tell each other beside the log has the others.</summary>
    public string Subject => $"{Stream}.log";
    public string PresenceSubject => $"{Stream}.presence";
    public string DismissSubject => $"{Stream}.dismiss";
    public string AttendanceSubject => $"{Stream}.attendance";
}
