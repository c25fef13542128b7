using System.Text.Json;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using SseListener.Events;

namespace SseListener.Access;

/// <summary>
/// What a JSON Web Token (RFC 7519) allows by its claim <c>sse</c>, as names and patterns of channels; only private ones need it to be
/// listened to. Without an expiry it never expires. The user is its claim <c>sub</c>, if it has a short one.
/// </summary>
internal sealed record Token(IReadOnlyList<string> Publish, IReadOnlyList<string> Subscribe, DateTime? Expiry, string? User);

/// <summary>Verifies tokens: signed with the key, and of the issuer and for the audience unless these are null.</summary>
internal sealed class Tokens(TokenKey key, string? issuer, string? audience)
{
    private readonly JsonWebTokenHandler _handler = new() { MapInboundClaims = false };

    private readonly TokenValidationParameters _parameters = new()
    {
        IssuerSigningKey = key.Key,
        ValidAlgorithms = [key.Algorithm],
        ValidateIssuer = issuer is not null,
        ValidIssuer = issuer,
        ValidateAudience = audience is not null,
        ValidAudience = audience,

        // exp and nbf count to the second: a stream also ends with its token.
        ClockSkew = TimeSpan.Zero,
#pragma warning disable CA5404 // A claim exp is optional (RFC 7519, section 4.1.4), and a program that publishes for years may go without.
        RequireExpirationTime = false,
#pragma warning restore CA5404
    };

    /// <summary>Returns what a token allows; or null, and why it is not good.</summary>
    public async Task<(Token? Token, string Problem)> VerifyAsync(string text)
    {
        var result = await _handler.ValidateTokenAsync(text, _parameters);
        if (!result.IsValid || result.SecurityToken is not JsonWebToken token)
            return (null, result.IsValid ? "it is no JSON Web Token" : Describe(result.Exception));

        // RFC 7515, section 4.1.11: what a token calls critical must be understood, and nothing is here.
        return token.TryGetHeaderValue<object>("crit", out _) ? (null, "it has a critical extension")
            : ReadRights(token) is { } rights ? (rights, "")
            : (null, "its claim sse is not {\"publish\":[…],\"subscribe\":[…]}");
    }

    // The library's own words are long, and name what is not meant for a log.
    private string Describe(Exception exception) => exception switch
    {
        SecurityTokenExpiredException => "it has expired",
        SecurityTokenNotYetValidException => "it is not valid yet",
        SecurityTokenInvalidIssuerException => "it is of another issuer",
        SecurityTokenInvalidAudienceException => "it is for another audience",
        SecurityTokenInvalidAlgorithmException => $"its algorithm is not {key.Algorithm}",
        SecurityTokenSignatureKeyNotFoundException or SecurityTokenInvalidSignatureException =>
            $"it has no good signature by {key.Algorithm}",
        SecurityTokenMalformedException or ArgumentException => "it is malformed",
        _ => exception.GetType().Name,
    };

    // JsonElement throws InvalidOperationException where a value has another type.
    private static Token? ReadRights(JsonWebToken token)
    {
        try
        {
            using var claims = JsonDocument.Parse(Base64UrlEncoder.DecodeBytes(token.EncodedPayload));
            DateTime? expiry = token.ValidTo == DateTime.MinValue ? null : token.ValidTo;
            var user = ReadUser(claims.RootElement);
            return claims.RootElement.TryGetProperty("sse", out var rights)
                ? new Token(ReadChannels(rights, "publish"), ReadChannels(rights, "subscribe"), expiry, user)
                : new Token([], [], expiry, user);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    // RFC 7519, section 4.1.2: it is a string. Others than this server may make a number of it, and their tokens are good all the same.
    private static string? ReadUser(JsonElement claims) =>
        claims.TryGetProperty("sub", out var user) && user.ValueKind is JsonValueKind.String && UserNames.IsName(user.GetString())
            ? user.GetString() : null;

    // What is neither name nor pattern stands for no channel.
    private static List<string> ReadChannels(JsonElement rights, string name) => rights.TryGetProperty(name, out var channels)
        ? [.. channels.EnumerateArray().Select(channel => channel.GetString() ?? throw new JsonException()).Where(ChannelNames.IsRule)]
        : [];
}
