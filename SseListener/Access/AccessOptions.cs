namespace SseListener.Access;

/// <summary>The options that decide who may do what.</summary>
internal record AccessOptions
{
    /// <summary>The host name to answer for; <c>localhost</c> includes 127.0.0.1 and ::1, and <c>+</c> is every name and address.</summary>
    public string Host { get; init; } = "localhost";

    /// <summary>The token that lets its bearer publish; null when no such token counts.</summary>
    public string? PublishToken { get; init; }

    /// <summary>The same token, read from a file.</summary>
    public string? PublishTokenFile { get; init; }

    /// <summary>Whether anyone may publish, also from other machines.</summary>
    public bool OpenPublish { get; init; }

    /// <summary>The key that verifies JSON Web Tokens; null when none counts.</summary>
    public TokenKey? JwtKey { get; init; }

    /// <summary>The issuer that tokens must have, or null.</summary>
    public string? JwtIssuer { get; init; }

    /// <summary>The audience that tokens must have, or null.</summary>
    public string? JwtAudience { get; init; }

    /// <summary>Names and patterns of the channels that take a token to listen to.</summary>
    public IReadOnlyList<string> Private { get; init; } = [];
}
