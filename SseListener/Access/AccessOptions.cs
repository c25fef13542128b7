namespace SseListener.Access;

/// <summary>The options that decide who may do what; <c>--help</c> explains each.</summary>
internal record AccessOptions
{
    public string Host { get; init; } = "localhost";
    public string? PublishToken { get; init; }

    /// <summary>The token that the file holds.</summary>
    public string? PublishTokenFile { get; init; }

    public bool OpenPublish { get; init; }
    public TokenKey? JwtKey { get; init; }
    public string? JwtIssuer { get; init; }
    public string? JwtAudience { get; init; }
    public IReadOnlyList<string> Private { get; init; } = [];
}
