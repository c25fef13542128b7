namespace SseListener.Access;

/// <summary>What decides who may do what.</summary>
internal sealed record AccessOptions
{
    /// <summary>The host name that the server answers for: of loopback, anyone on the machine may publish.</summary>
    public required string Host { get; init; }

    /// <summary>What a publisher has to bring; null when no such token counts.</summary>
    public string? PublishToken { get; init; }

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
}
