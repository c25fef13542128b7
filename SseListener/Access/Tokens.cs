using System.Text.Json;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using SseListener.Events;

namespace SseListener.Access;

/// <summary>What a JSON Web Token (RFC 7519) allows: its claim <c>sse</c>.</summary>
/// <param name="Publish">Names and patterns of the channels that its bearer may publish to.</param>
/// <param name="Subscribe">Names and patterns of the private channels that its bearer may listen to.</param>
/// <param name="Expiry">When it expires; null for never.</param>
internal sealed record Token(IReadOnlyList<string> Publish, IReadOnlyList<string> Subscribe, DateTime? Expiry)
{
    /// <summary>A token that allows nothing.</summary>
    public static Token Powerless { get; } = new([], [], null);
}

/// <summary>Verifies tokens.</summary>
internal sealed class Tokens
{
    private readonly JsonWebTokenHandler _handler = new() { MapInboundClaims = false };
    private readonly TokenValidationParameters _parameters;

    /// <summary>A verifier.</summary>
    /// <param name="key">What signed the tokens.</param>
    /// <param name="issuer">What their <c>iss</c> must be, or null for anything.</param>
    /// <param name="audience">What their <c>aud</c> must have, or null for anything.</param>
    public Tokens(TokenKey key, string? issuer, string? audience) => _parameters = new TokenValidationParameters
    {
        IssuerSigningKey = key.Key,
        ValidAlgorithms = [key.Algorithm],
        ValidateIssuer = issuer is not null,
        ValidIssuer = issuer,
        ValidateAudience = audience is not null,
        ValidAudience = audience,

        // exp and nbf to the second: a stream also ends with its token.
        ClockSkew = TimeSpan.Zero,
#pragma warning disable CA5404 // A claim exp is optional (RFC 7519, section 4.1.4), and a program that publishes for years may go without.
        RequireExpirationTime = false,
#pragma warning restore CA5404
    };

    /// <summary>Verifies a token.</summary>
    /// <returns>What it allows; or null, and why it is not good.</returns>
    public async Task<(Token? Token, string Problem)> VerifyAsync(string text)
    {
        var result = await _handler.ValidateTokenAsync(text, _parameters);
        return !result.IsValid ? (null, Describe(result.Exception))
            : result.SecurityToken is not JsonWebToken token ? (null, "it is no JSON Web Token")
            // RFC 7515, section 4.1.11: what a token calls critical must be understood, and nothing is here.
            : token.TryGetHeaderValue<object>("crit", out _) ? (null, "it has a critical extension")
            : TryReadRights(token) is { } rights ? (rights, "")
            : (null, "its claim sse is not {\"publish\":[…],\"subscribe\":[…]}");
    }

    // In words of our own: the library's are long, and what they name is not meant for a log.
    private string Describe(Exception exception) => exception switch
    {
        SecurityTokenExpiredException => "it has expired",
        SecurityTokenNotYetValidException => "it is not valid yet",
        SecurityTokenInvalidIssuerException => "it is of another issuer",
        SecurityTokenInvalidAudienceException => "it is for another audience",
        SecurityTokenInvalidAlgorithmException => $"its algorithm is not {_parameters.ValidAlgorithms.First()}",
        SecurityTokenSignatureKeyNotFoundException or SecurityTokenInvalidSignatureException => $"it has no good signature by {_parameters.ValidAlgorithms.First()}",
        SecurityTokenMalformedException or ArgumentException => "it is malformed",
        _ => exception.GetType().Name,
    };

    private static Token? TryReadRights(JsonWebToken token)
    {
        try
        {
            using var claims = JsonDocument.Parse(Base64UrlEncoder.DecodeBytes(token.EncodedPayload));
            List<string> publish = [];
            List<string> subscribe = [];
            var isGood = !claims.RootElement.TryGetProperty("sse", out var rights)
                || (rights.ValueKind is JsonValueKind.Object && TryRead(rights, "publish", publish) && TryRead(rights, "subscribe", subscribe));
            return isGood ? new Token(publish, subscribe, token.ValidTo == DateTime.MinValue ? null : token.ValidTo) : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // More than one JSON text, or a lone surrogate.
            return null;
        }
    }

    private static bool TryRead(JsonElement rights, string name, List<string> channels)
    {
        if (!rights.TryGetProperty(name, out var list))
        {
            return true;
        }

        if (list.ValueKind is not JsonValueKind.Array || list.EnumerateArray().Any(channel => channel.ValueKind is not JsonValueKind.String))
        {
            return false;
        }

        // What is neither name nor pattern stands for no channel.
        channels.AddRange(list.EnumerateArray().Select(channel => channel.GetString()!).Where(ChannelNames.IsRule));
        return true;
    }
}
